//! The calls of the notebook's service.

use spectra_mesh::{Error, OrgTx, Page, Permit, Reply, fingerprint, hex, id, permit, signed::Record};
use spectra_proto::{
    lims::{self as pb, eln_service_server::ElnService},
    types::{FileHead, SignatureMeaning},
};
use tonic::{Request, Status};

use super::{
    Entry, File,
    export::{Export, Format},
    rules::Signable,
    signatures::Signature,
};
use crate::{
    App,
    identity::{Credential, Signed},
};

/// How many records of a kind an entry may name.
const LINKS: usize = 100;

#[tonic::async_trait]
impl ElnService for App {
    async fn list_eln_entries(&self, request: Request<pb::ListElnEntriesRequest>) -> Reply<pb::ListElnEntriesResponse> {
        self.db.list(request, async |tx, asked, page| Entry::page(tx, &asked, &page).await).await
    }

    async fn get_eln_entry(&self, request: Request<pb::GetElnEntryRequest>) -> Reply<pb::ElnEntry> {
        self.db.read(request, async |tx, asked| Entry::find(tx, &asked.id).await).await
    }

    async fn create_eln_entry(&self, request: Request<pb::CreateElnEntryRequest>) -> Reply<pb::ElnEntry> {
        let permit = permit(&request)?;
        let runs = self.runs_of(&permit, request.get_ref().entry.as_ref()).await;
        self.db.write(request, async move |tx, asked| Entry::create(tx, asked.entry.unwrap_or_default(), runs).await).await
    }

    async fn update_eln_entry(&self, request: Request<pb::UpdateElnEntryRequest>) -> Reply<pb::ElnEntry> {
        let permit = permit(&request)?;
        let runs = self.runs_of(&permit, request.get_ref().entry.as_ref()).await;
        self.db.write(request, async move |tx, asked| Entry::update(tx, asked, runs).await).await
    }

    async fn sign_eln_entry(&self, mut request: Request<pb::SignElnEntryRequest>) -> Reply<pb::ElnEntry> {
        let permit = permit(&request)?;
        // What is remembered under an idempotency key is made of the request without what proves the caller.
        let secrets = Secrets::take(request.get_mut());
        // Judged within: an answer that is remembered under the key stands, whatever identity says meanwhile.
        let signed = self.signed(&permit, request.get_ref(), secrets).await;
        self.db.write(request, async move |tx, asked| sign(tx, &asked, signed).await).await
    }

    async fn list_signatures(&self, request: Request<pb::ListSignaturesRequest>) -> Reply<pb::ListSignaturesResponse> {
        let work = async |tx: &mut OrgTx, asked: pb::ListSignaturesRequest, page: Page| {
            let entry = Entry::find(tx, &asked.id).await?;
            Signature::page(tx, &entry, &page).await
        };
        self.db.list(request, work).await
    }

    async fn export_eln_entry(&self, request: Request<pb::ExportElnEntryRequest>) -> Reply<pb::ElnExport> {
        let permit = permit(&request)?;
        let format = Format::of(request.get_ref().format.as_deref());
        let keys = self.identity.signature_keys(&permit).await?;
        let work = async move |tx: &mut OrgTx, asked: pb::ExportElnEntryRequest| {
            // What is signed stays as it is: what is read after the signatures is what they are over.
            let signatures = Signature::of(tx, id(&asked.id)?).await?;
            let entry = Entry::find(tx, &asked.id).await?;
            let files = File::of(tx, entry.id).await?;
            let (number, version) = (entry.entry_no, entry.entry_version);
            let text = Export::of(entry, files, signatures, keys).text(format)?;
            let name = format!("notebook-{number}-v{version}.{}", format.extension());
            Ok(pb::ElnExport { head: Some(head(format, name, &text)), content: text.into_bytes() })
        };
        self.db.read(request, work).await
    }
}

/// What a request shows of who makes it.
struct Secrets {
    password: Option<String>,
    proof: Option<String>,
}

impl Secrets {
    fn take(asked: &mut pb::SignElnEntryRequest) -> Self {
        Self { password: asked.password.take(), proof: asked.proof.take() }
    }

    fn credential(self, method: Option<&str>) -> Result<Credential, Error> {
        match (method, self.password, self.proof) {
            (None | Some("password"), Some(password), None) => Ok(Credential::Password(password)),
            (None | Some("proof"), None, Some(proof)) => Ok(Credential::Proof(proof)),
            (Some("proof"), _, None) => Err(Error::invalid("proof", "is needed to sign")),
            (_, None, None) => Err(Error::invalid("password", "is needed to sign")),
            (Some("proof"), Some(_), _) => Err(Error::invalid("password", "does not go with a proof")),
            _ => Err(Error::invalid("proof", "does not go with a password")),
        }
    }
}

impl App {
    /// What analysis says of the runs that an entry names.
    async fn runs_of(&self, permit: &Permit, entry: Option<&pb::ElnEntry>) -> Result<(), Error> {
        match entry.and_then(|entry| entry.linked_entities.as_ref()) {
            // More are refused by the contract, which is read later.
            Some(links) if links.runs.len() <= LINKS => self.analysis.has_runs(permit, &links.runs).await,
            _ => Ok(()),
        }
    }

    /// Has a version signed as it stands; none when the caller did so before, which is found out again within the
    /// transaction, as its answer may be remembered.
    async fn signed(&self, permit: &Permit, asked: &pb::SignElnEntryRequest, secrets: Secrets) -> Result<Option<Signed>, Error> {
        let mut look = Request::new(asked.clone());
        look.extensions_mut().insert(permit.clone());
        let work = async |tx: &mut OrgTx, asked: pb::SignElnEntryRequest| {
            let entry = Entry::find(tx, &asked.id).await?;
            let signable = signable(tx, entry, &asked).await?;
            Ok(if Signature::is_there(tx, &signable).await? { None } else { Some(signable.record().clone()) })
        };
        let record: Option<Record> = self.db.read(look, work).await.map_err(told)?.into_inner();
        let Some(record) = record else { return Ok(None) };
        let credential = secrets.credential(asked.method.as_deref())?;
        Ok(Some(self.identity.sign(permit, record, meaning(asked), asked.reason.clone(), credential).await?))
    }
}

/// Puts a signature on record, if its version is still what was signed.
async fn sign(tx: &mut OrgTx, asked: &pb::SignElnEntryRequest, signed: Result<Option<Signed>, Error>) -> Result<Entry, Error> {
    let signed = signed?;
    let entry = Entry::lock(tx, &asked.id).await?;
    let signable = signable(tx, entry, asked).await?;
    let Some(signed) = signed else { return Err(signable.already_signed().into()) };
    if Signature::is_there(tx, &signable).await? {
        return Err(signable.already_signed().into());
    }
    let signable = signable.signed_as(&signed.content_hash, signed.signer_role)?;
    Signature::record(tx, &signable, &signed, asked.reason.as_deref()).await
}

async fn signable(tx: &mut OrgTx, entry: Entry, asked: &pb::SignElnEntryRequest) -> Result<Signable, Error> {
    let files = File::of(tx, entry.id).await?;
    let signable = entry.may_sign(&files, tx.caller().user, tx.caller().role, meaning(asked))?;
    Ok(signable.seen_as(asked.content_hash.as_deref())?)
}

fn told(status: Status) -> Error {
    Error::Peer(Box::new(status))
}

/// What the caller declares: that they wrote it, if nothing is said.
fn meaning(asked: &pb::SignElnEntryRequest) -> SignatureMeaning {
    if asked.meaning.is_some() { asked.meaning() } else { SignatureMeaning::Author }
}

fn head(format: Format, filename: String, text: &str) -> FileHead {
    let sum = fingerprint(text.as_bytes());
    FileHead {
        content_type: format.content_type().to_owned(),
        filename,
        size: i64::try_from(text.len()).unwrap_or(i64::MAX),
        etag: hex(&sum[..16]),
        sha256: sum.to_vec(),
        part: None,
        inline: false,
    }
}
