//! The calls of the people service.

use spectra_mesh::Reply;
use spectra_proto::identity::{self as pb, people_service_server::PeopleService};
use tonic::Request;

use super::Person;
use crate::App;

#[tonic::async_trait]
impl PeopleService for App {
    async fn find_people(&self, request: Request<pb::FindPeopleRequest>) -> Reply<pb::FindPeopleResponse> {
        self.db.read(request, async |tx, asked| Person::search(tx, &asked).await).await
    }

    async fn get_person(&self, request: Request<pb::GetPersonRequest>) -> Reply<pb::Person> {
        self.db.read(request, async |tx, asked| Person::find(tx, &asked.id).await).await
    }
}
