//! Who is calling.

use spectra_mesh::{Error, OrgTx};
use spectra_proto::identity as pb;

/// The caller, with the organization that the session is in.
pub(super) async fn me(tx: &mut OrgTx) -> Result<pb::Me, Error> {
    let caller = tx.caller().clone();
    let found = sqlx::query!(
        r#"SELECT u.email, u.name, u.role, o.name AS organization_name, o.slug
             FROM users u JOIN organizations o ON o.id = u.organization_id
            WHERE u.organization_id = $1 AND u.id = $2"#,
        caller.org,
        caller.user,
    )
    .fetch_optional(tx.conn())
    .await?;
    let found = found.ok_or_else(|| Error::not_found("user"))?;
    Ok(pb::Me {
        id: caller.user.to_string(),
        email: found.email,
        name: found.name,
        role: found.role.number(),
        organization_id: caller.org.to_string(),
        organization: Some(pb::OrganizationSummary { name: found.organization_name, slug: found.slug }),
        scopes: caller.scopes.to_vec(),
    })
}
