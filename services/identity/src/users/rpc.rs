//! The calls of the user service.

use spectra_mesh::Reply;
use spectra_proto::identity::{self as pb, user_service_server::UserService};
use tonic::Request;

use super::User;
use crate::App;

#[tonic::async_trait]
impl UserService for App {
    async fn list_users(&self, request: Request<pb::ListUsersRequest>) -> Reply<pb::ListUsersResponse> {
        self.db.list(request, async |tx, asked, page| User::page(tx, &asked, &page).await).await
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Reply<pb::User> {
        self.db.read(request, async |tx, asked| User::find(tx, &asked.id).await).await
    }

    async fn update_user(&self, request: Request<pb::UpdateUserRequest>) -> Reply<pb::User> {
        let mut revoked = None;
        let answer = self
            .db
            .write(request, async |tx, asked| {
                let changed;
                (changed, revoked) = User::update(tx, asked).await?;
                Ok(changed)
            })
            .await?;
        // The stream tells everyone; this process need not wait for it.
        self.enforce(revoked);
        Ok(answer)
    }
}
