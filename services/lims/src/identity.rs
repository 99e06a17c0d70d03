//! What this service asks of identity, in its own words.

use spectra_mesh::{Error, Peer, Permit, id};
use spectra_proto::identity::{GetPersonRequest, Person, people_service_client::PeopleServiceClient};
use uuid::Uuid;

/// Identity, which is asked in the name of whoever calls, and never within a transaction.
#[derive(Debug)]
pub(crate) struct Identity(pub(crate) Peer);

/// Someone, by name: a colleague, or someone outside.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    /// The user, if it is one.
    pub(crate) user_id: Option<Uuid>,
    /// The name, as it is now.
    pub(crate) name: String,
}

impl Identity {
    /// Who is meant: by an id a colleague, by any other text someone outside.
    pub(crate) async fn party(&self, permit: &Permit, named: &str) -> Result<Party, Error> {
        if Uuid::try_parse(named).is_err() {
            return Ok(Party { user_id: None, name: named.to_owned() });
        }
        let person = self.person(permit, named.to_owned()).await?;
        Ok(Party { user_id: Some(id(&person.id)?), name: person.name })
    }

    /// A colleague.
    async fn person(&self, permit: &Permit, id: String) -> Result<Person, Error> {
        let asked = Peer::ask(permit, GetPersonRequest { id });
        let answered = PeopleServiceClient::new(self.0.channel()).get_person(asked).await;
        Ok(answered.map_err(|status| self.0.explain(status, "user"))?.into_inner())
    }
}
