//! What may be done to a recipe, by where it stands.
//!
//! Each rule takes a recipe and gives back the proof that the statement behind it asks for.

use spectra_mesh::{Object, Refusal, sha256};
use spectra_proto::{
    Label,
    lims::{ApprovalState, RecipeStatus},
    types::{Reason, UserRole},
};
use uuid::Uuid;

use super::Recipe;

/// A recipe that may be rewritten.
#[derive(Debug)]
pub(super) struct Editable(Recipe);

impl Editable {
    /// The recipe as it stands.
    pub(super) fn into_recipe(self) -> Recipe {
        self.0
    }
}

/// What would be about nothing without its recipe.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tie {
    /// Its approval was asked for or turned down before.
    Decisions,
    /// Files belong to it.
    Attachments,
}

/// A recipe that may vanish, as nobody was ever asked about it and nothing belongs to it.
#[derive(Debug)]
pub(super) struct Disposable(Recipe);

impl Disposable {
    /// Which recipe.
    pub(super) fn id(&self) -> Uuid {
        self.0.id
    }
}

/// A recipe that may be taken out of use.
#[derive(Debug)]
pub(super) struct Retirable(Recipe);

impl Retirable {
    /// Which recipe.
    pub(super) fn id(&self) -> Uuid {
        self.0.id
    }
}

/// What is decided about a recipe, and where that takes it.
#[derive(Debug)]
pub(super) struct Decision {
    recipe: Recipe,
    state: ApprovalState,
    status: RecipeStatus,
    self_approved: bool,
}

impl Decision {
    /// The recipe as it was decided about.
    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What was decided.
    pub(super) fn state(&self) -> ApprovalState {
        self.state
    }

    /// Where the recipe stands from now on.
    pub(super) fn status(&self) -> RecipeStatus {
        self.status
    }

    /// Whether the author approves.
    pub(super) fn self_approved(&self) -> bool {
        self.self_approved
    }
}

impl Recipe {
    /// Lets a recipe be rewritten that was never approved.
    pub(super) fn editable(self) -> Result<Editable, Refusal> {
        match self.status.0 {
            RecipeStatus::Draft | RecipeStatus::PendingApproval => Ok(Editable(self)),
            RecipeStatus::Approved | RecipeStatus::Retired | RecipeStatus::Unspecified => Err(self.frozen()),
        }
    }

    /// Lets a draft be deleted that has no `tie`.
    pub(super) fn disposable(self, tie: Option<Tie>) -> Result<Disposable, Refusal> {
        match self.status.0 {
            RecipeStatus::Draft => match tie {
                None => Ok(Disposable(self)),
                Some(Tie::Decisions) => Err(self.astray("what was decided about it stays on record, and so does the recipe")),
                Some(Tie::Attachments) => Err(self.astray("files are attached to it, which stay on record, and so does the recipe")),
            },
            RecipeStatus::PendingApproval => Err(self.astray("only a draft can be deleted")),
            RecipeStatus::Approved | RecipeStatus::Retired | RecipeStatus::Unspecified => {
                let refusal = Refusal::new(Reason::NotDeletable, "the recipe was approved and stays on record; it can be retired");
                Err(refusal.about("recipe_id", self.id))
            }
        }
    }

    /// Puts a draft up for approval.
    pub(super) fn requested(self) -> Result<Decision, Refusal> {
        match self.status.0 {
            RecipeStatus::Draft => Ok(self.decided(ApprovalState::Pending, RecipeStatus::PendingApproval, false)),
            _ => Err(self.astray("only a draft can be put up for approval")),
        }
    }

    /// Approves a draft, put up for it or not. The author may do so as an admin alone, and it is told.
    pub(super) fn approved_by(self, approver: Uuid, role: UserRole) -> Result<Decision, Refusal> {
        let is_author = self.owner_id == approver || self.edited_by == Some(approver);
        match self.status.0 {
            RecipeStatus::Draft | RecipeStatus::PendingApproval if is_author && role != UserRole::Admin => {
                let refusal = Refusal::new(Reason::SelfApproval, "you wrote this recipe; somebody else must approve it");
                Err(refusal.about("recipe_id", self.id))
            }
            RecipeStatus::Draft | RecipeStatus::PendingApproval => {
                Ok(self.decided(ApprovalState::Approved, RecipeStatus::Approved, is_author))
            }
            _ => Err(self.astray("only a draft or one that waits for approval can be approved")),
        }
    }

    /// Turns down a recipe that waits for approval: it is a draft again.
    pub(super) fn rejected(self) -> Result<Decision, Refusal> {
        match self.status.0 {
            RecipeStatus::PendingApproval => Ok(self.decided(ApprovalState::Rejected, RecipeStatus::Draft, false)),
            _ => Err(self.astray("only a recipe that waits for approval can be turned down")),
        }
    }

    /// Takes an approved recipe out of use.
    pub(super) fn retirable(self) -> Result<Retirable, Refusal> {
        match self.status.0 {
            RecipeStatus::Approved => Ok(Retirable(self)),
            _ => Err(self.astray("only an approved recipe can be retired")),
        }
    }

    fn decided(self, state: ApprovalState, status: RecipeStatus, self_approved: bool) -> Decision {
        Decision { recipe: self, state, status, self_approved }
    }

    fn frozen(&self) -> Refusal {
        Refusal::new(Reason::RecipeFrozen, "the recipe was approved and is frozen; make a new version of it").about("recipe_id", self.id)
    }

    fn astray(&self, rule: &str) -> Refusal {
        let status = self.status.0.label();
        Refusal::new(Reason::RecipeState, format!("the recipe is {}; {rule}", status.replace('_', " ")))
            .about("recipe_id", self.id)
            .about("recipe_status", status)
    }
}

/// What a decision is pinned to: the SHA-256 of the canonical parameters, in hex.
pub(super) fn params_hash(params: &Object) -> String {
    sha256(params.canonical().as_bytes())
}

#[cfg(test)]
mod tests;
