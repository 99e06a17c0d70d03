//! People: who one's colleagues are.

use spectra_proto::identity as pb;
use uuid::Uuid;

mod rpc;
mod store;

/// A member of the organization, as others know them.
struct Person {
    id: Uuid,
    name: String,
    email: String,
    is_active: bool,
}

impl From<Person> for pb::Person {
    fn from(person: Person) -> Self {
        Self { id: person.id.to_string(), name: person.name, email: person.email, is_active: person.is_active }
    }
}
