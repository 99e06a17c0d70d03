//! The statements over notebook entries.

use spectra_mesh::{Error, OrgTx, Page, id, new_id, optional_id, page, patch};
use spectra_proto::lims as pb;
use uuid::Uuid;

use super::{Content, Entry, File, LinkedEntities, missing, rules::Edit, search};

impl Entry {
    /// The version asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        Self::of_id(tx, id(asked)?).await?.ok_or_else(missing)
    }

    async fn of_id(tx: &mut OrgTx, id: Uuid) -> Result<Option<Self>, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT e.*, later.id AS "superseded_by?"
                 FROM eln_entries e
                 LEFT JOIN eln_entries later ON later.organization_id = e.organization_id AND later.supersedes = e.id
                WHERE e.organization_id = $1 AND e.id = $2"#,
            tx.org(),
            id,
        );
        Ok(found.fetch_optional(tx.conn()).await?)
    }

    /// A page of the notebook: of what a search finds, or of what was written last.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListElnEntriesRequest, page: &Page) -> Result<pb::ListElnEntriesResponse, Error> {
        let filters = Filters::of(tx, asked).await?;
        if let Some(words) = asked.q.as_deref().filter(|words| !words.is_empty()) {
            return search::page(tx, words, &filters, page).await;
        }
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT e.*, (SELECT later.id FROM eln_entries later
                              WHERE later.organization_id = e.organization_id AND later.supersedes = e.id) AS "superseded_by?"
                 FROM eln_entries e
                WHERE e.organization_id = $1
                  AND eln_matches(e, NOT $6 AND (SELECT later.id FROM eln_entries later
                                                 WHERE later.organization_id = e.organization_id AND later.supersedes = e.id) IS NOT NULL,
                                  $7, $8, $9, $10, $11, $12, $13)"#,
            filters.all_versions,
            filters.tag as _,
            filters.author_id as _,
            filters.signed as _,
            filters.sample_id as _,
            filters.run_id as _,
            filters.recipe_id as _,
            filters.entry_no as _,
        )?;
        Ok(pb::ListElnEntriesResponse { items, pagination })
    }

    /// Writes an entry of the caller's. `runs` is what analysis said of the runs that it names.
    pub(super) async fn create(tx: &mut OrgTx, entry: pb::ElnEntry, runs: Result<(), Error>) -> Result<Self, Error> {
        let content = Content::of(entry)?;
        content.linked_entities.check(tx, &LinkedEntities::default(), runs).await?;
        let number = next_number(tx).await?;
        Self::insert(tx, &content, number, None).await
    }

    /// Changes what the mask names: in place, or in a new version of what is signed.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateElnEntryRequest, runs: Result<(), Error>) -> Result<Self, Error> {
        let entry = Self::lock(tx, &asked.id).await?;
        let before = entry.clone().into_content();
        let edit = entry.may_edit(tx.caller().user, tx.caller().role)?;
        let content = before.clone().patched(&asked)?;
        content.linked_entities.check(tx, &before.linked_entities, runs).await?;
        match edit {
            Edit::InPlace(entry) if content == before => Ok(entry),
            Edit::InPlace(entry) => Self::rewrite(tx, &entry, &content).await,
            Edit::NewVersion(entry) => Self::insert(tx, &content, entry.entry_no, Some(&entry)).await,
        }
    }

    /// A version that nobody else changes or signs meanwhile, at the revision that the caller meant.
    pub(super) async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let entry = Self::lock_any(tx, id(asked)?).await?;
        tx.expect("notebook entry", entry.revision)?;
        Ok(entry)
    }

    /// The same at any revision.
    pub(super) async fn lock_any(tx: &mut OrgTx, id: Uuid) -> Result<Self, Error> {
        let locked = sqlx::query!("SELECT id FROM eln_entries WHERE organization_id = $1 AND id = $2 FOR UPDATE", tx.org(), id);
        locked.fetch_optional(tx.conn()).await?.ok_or_else(missing)?;
        // Read by a statement of its own: it sees what those before this one have done, the next version too.
        Self::of_id(tx, id).await?.ok_or_else(missing)
    }

    async fn insert(tx: &mut OrgTx, content: &Content, number: i32, after: Option<&Self>) -> Result<Self, Error> {
        let (id, version, writer) = (new_id(), after.map_or(1, |before| before.entry_version + 1), tx.caller().user);
        let before = after.map_or(&[][..], |before| &before.writers).iter().copied();
        let writers: Vec<_> = before.filter(|other| *other != writer).chain([writer]).collect();
        sqlx::query!(
            "INSERT INTO eln_entries
                    (organization_id, id, entry_no, entry_version, supersedes, author_id, writers, title, body_markdown, tags,
                     linked_samples, linked_runs, linked_recipes, content_hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            tx.org(),
            id,
            number,
            version,
            after.map(|before| before.id),
            after.map_or(writer, |before| before.author_id),
            &writers,
            content.title,
            content.body_markdown,
            &content.tags,
            &content.linked_entities.samples,
            &content.linked_entities.runs,
            &content.linked_entities.recipes,
            content.record(&[], id, number, version).content_hash(),
        )
        .execute(tx.conn())
        .await?;
        Self::of_id(tx, id).await?.ok_or_else(missing)
    }

    async fn rewrite(tx: &mut OrgTx, entry: &Self, content: &Content) -> Result<Self, Error> {
        let files = File::of(tx, entry.id).await?;
        sqlx::query!(
            "UPDATE eln_entries SET title = $3, body_markdown = $4, tags = $5, linked_samples = $6, linked_runs = $7, linked_recipes = $8,
                    content_hash = $9, writers = array_remove(writers, $10) || $10::uuid
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            entry.id,
            content.title,
            content.body_markdown,
            &content.tags,
            &content.linked_entities.samples,
            &content.linked_entities.runs,
            &content.linked_entities.recipes,
            content.record(&files, entry.id, entry.entry_no, entry.entry_version).content_hash(),
            tx.caller().user,
        )
        .execute(tx.conn())
        .await?;
        Self::of_id(tx, entry.id).await?.ok_or_else(missing)
    }
}

impl Content {
    /// The content with what a request changes of it.
    fn patched(self, asked: &pb::UpdateElnEntryRequest) -> Result<Self, Error> {
        let current: pb::ElnEntry = self.into();
        let patch = asked.entry.clone().unwrap_or_default();
        Self::of(patch::apply(&current, &patch, asked.update_mask.as_ref())?)
    }
}

/// What the notebook is filtered by.
pub(super) struct Filters {
    pub(super) all_versions: bool,
    pub(super) tag: Option<String>,
    pub(super) author_id: Option<Uuid>,
    pub(super) signed: Option<bool>,
    pub(super) sample_id: Option<Uuid>,
    pub(super) run_id: Option<Uuid>,
    pub(super) recipe_id: Option<Uuid>,
    pub(super) entry_no: Option<i32>,
}

impl Filters {
    async fn of(tx: &mut OrgTx, asked: &pb::ListElnEntriesRequest) -> Result<Self, Error> {
        let mut filters = Self {
            all_versions: asked.all_versions(),
            tag: asked.tag.clone(),
            author_id: optional_id(asked.author_id.as_deref())?,
            signed: asked.signed,
            sample_id: optional_id(asked.sample_id.as_deref())?,
            run_id: optional_id(asked.run_id.as_deref())?,
            recipe_id: optional_id(asked.recipe_id.as_deref())?,
            entry_no: asked.entry_no,
        };
        if let Some(version) = &asked.version_of {
            let number = Entry::find(tx, version).await?.entry_no;
            // Another number matches no version of this one.
            filters.entry_no = Some(if asked.entry_no.is_none_or(|asked| asked == number) { number } else { 0 });
            filters.all_versions = true;
        }
        Ok(filters)
    }
}

/// The next number of the organization's notebook. Who else asks for one waits until this transaction has ended.
async fn next_number(tx: &mut OrgTx) -> Result<i32, Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', 'eln', $1::uuid), 0))", tx.org()).execute(tx.conn()).await?;
    Ok(sqlx::query_scalar!(r#"SELECT coalesce(max(entry_no), 0) + 1 AS "next!" FROM eln_entries WHERE organization_id = $1"#, tx.org())
        .fetch_one(tx.conn())
        .await?)
}
