use spectra_mesh::Labelled;
use spectra_proto::lims::RecipeStatus::{Approved, Draft, PendingApproval, Retired};
use time::OffsetDateTime;

use super::*;

const AUTHOR: Uuid = Uuid::from_u128(1);
const COLLEAGUE: Uuid = Uuid::from_u128(2);
const ALL: [RecipeStatus; 4] = [Draft, PendingApproval, Approved, Retired];

fn recipe(status: RecipeStatus) -> Recipe {
    Recipe {
        organization_id: Uuid::from_u128(3),
        id: Uuid::from_u128(4),
        name: "MOSFET IV".to_owned(),
        version: "1.0".to_owned(),
        method: None,
        description: None,
        params: Object::default(),
        status: Labelled(status),
        sop_id: None,
        owner_id: AUTHOR,
        edited_by: None,
        params_hash: params_hash(&Object::default()),
        revision: 1,
        created_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
    }
}

/// What `rule` says of a recipe in each status: where it goes, or why not.
#[track_caller]
fn judged<T>(rule: impl Fn(Recipe) -> Result<T, Refusal>, told: impl Fn(T) -> RecipeStatus, expected: [Result<RecipeStatus, Reason>; 4]) {
    let judged = ALL.map(|status| rule(recipe(status)).map(&told).map_err(|refusal| refusal.reason()));
    assert_eq!(judged, expected);
}

const ASTRAY: Result<RecipeStatus, Reason> = Err(Reason::RecipeState);
const FROZEN: Result<RecipeStatus, Reason> = Err(Reason::RecipeFrozen);
const KEPT: Result<RecipeStatus, Reason> = Err(Reason::NotDeletable);
const OWN: Result<RecipeStatus, Reason> = Err(Reason::SelfApproval);

#[test]
fn what_was_approved_is_frozen() {
    let stands = |it: Editable| it.into_recipe().status.0;
    judged(Recipe::editable, stands, [Ok(Draft), Ok(PendingApproval), FROZEN, FROZEN]);
    let refusal = recipe(Approved).editable().expect_err("an approved recipe");
    assert!(refusal.to_string().contains("make a new version"), "{refusal}");
}

#[test]
fn a_draft_without_a_past_can_be_deleted() {
    judged(|it| it.disposable(None), |it| it.0.status.0, [Ok(Draft), ASTRAY, KEPT, KEPT]);
    for tie in [Tie::Decisions, Tie::Attachments] {
        judged(|it| it.disposable(Some(tie)), |it| it.0.status.0, [ASTRAY, ASTRAY, KEPT, KEPT]);
    }
}

#[test]
fn a_draft_is_put_up_and_turned_down() {
    judged(Recipe::requested, |it| it.status(), [Ok(PendingApproval), ASTRAY, ASTRAY, ASTRAY]);
    judged(Recipe::rejected, |it| it.status(), [ASTRAY, Ok(Draft), ASTRAY, ASTRAY]);
    let refusal = recipe(PendingApproval).requested().expect_err("one that waits");
    assert_eq!(refusal.to_string(), "the recipe is pending approval; only a draft can be put up for approval");
}

#[test]
fn an_approved_recipe_retires() {
    judged(Recipe::retirable, |it| it.0.status.0, [ASTRAY, ASTRAY, Ok(Approved), ASTRAY]);
}

#[test]
fn a_colleague_approves() {
    for role in [UserRole::Pi, UserRole::Admin] {
        judged(|it| it.approved_by(COLLEAGUE, role), |it| it.status(), [Ok(Approved), Ok(Approved), ASTRAY, ASTRAY]);
        assert!(!recipe(Draft).approved_by(COLLEAGUE, role).expect("a colleague").self_approved());
    }
}

#[test]
fn the_author_approves_as_an_admin_alone() {
    judged(|it| it.approved_by(AUTHOR, UserRole::Pi), |it| it.status(), [OWN, OWN, ASTRAY, ASTRAY]);
    judged(|it| it.approved_by(AUTHOR, UserRole::Admin), |it| it.status(), [Ok(Approved), Ok(Approved), ASTRAY, ASTRAY]);
    assert!(recipe(Draft).approved_by(AUTHOR, UserRole::Admin).expect("an admin").self_approved());
}

#[test]
fn a_decision_says_what_it_was() {
    let states = [recipe(Draft).requested(), recipe(Draft).approved_by(COLLEAGUE, UserRole::Pi), recipe(PendingApproval).rejected()]
        .map(|it| it.expect("allowed").state());
    assert_eq!(states, [ApprovalState::Pending, ApprovalState::Approved, ApprovalState::Rejected]);
}

#[test]
fn the_hash_is_that_of_the_canonical_text() {
    let hash = |text: &str| params_hash(&serde_json::from_str(text).expect("an object"));
    assert_eq!(hash("{}"), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_eq!(hash(r#"{ "vgs": { "to": 2, "from": -2.0 }, "vds": 0.1 }"#), hash(r#"{"vds":0.1,"vgs":{"from":-2,"to":2}}"#));
    assert_ne!(hash(r#"{"vds":0.1}"#), hash(r#"{"vds":"0.1"}"#));
}
