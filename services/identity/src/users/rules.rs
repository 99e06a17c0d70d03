//! What a change of a user's rights asks for. Pure.

use spectra_mesh::{Error, Refusal};
use spectra_proto::{
    identity as pb,
    types::{Reason, UserRole},
};
use uuid::Uuid;

/// What a user may do, and whether at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) role: UserRole,
    pub(super) is_active: bool,
}

impl Rights {
    /// The rights that a user's message states; both must be stated.
    pub(super) fn stated(user: &pb::User) -> Result<Self, Error> {
        let role = UserRole::try_from(user.role).ok().filter(|role| *role != UserRole::Unspecified);
        Ok(Self {
            role: role.ok_or_else(|| Error::invalid("user.role", "must be a role"))?,
            is_active: user.is_active.ok_or_else(|| Error::invalid("user.is_active", "must be true or false"))?,
        })
    }

    /// Whether tokens that were made for these rights are void under `new` ones.
    pub(super) fn outdated_by(self, new: Self) -> bool {
        self.role != new.role || self.is_closed_by(new)
    }

    /// Whether `new` rights shut the account.
    pub(super) fn is_closed_by(self, new: Self) -> bool {
        self.is_active && !new.is_active
    }

    fn administer(self) -> bool {
        self.is_active && self.role == UserRole::Admin
    }
}

/// Refuses to give `user` rights that leave the organization without an admin; `admins` are the
/// active ones as they are now.
pub(super) fn keep_an_admin(admins: &[Uuid], user: Uuid, new: Rights) -> Result<(), Error> {
    if admins == [user] && !new.administer() {
        return Err(
            Refusal::new(Reason::LastAdmin, "this is the last active admin of the organization; make another user an admin first").into()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rights(role: UserRole, is_active: bool) -> Rights {
        Rights { role, is_active }
    }

    #[test]
    fn tokens_of_other_rights_are_void() {
        let admin = rights(UserRole::Admin, true);
        assert!(!admin.outdated_by(admin) && !admin.is_closed_by(admin));
        assert!(admin.outdated_by(rights(UserRole::Viewer, true)) && !admin.is_closed_by(rights(UserRole::Viewer, true)));
        assert!(admin.outdated_by(rights(UserRole::Admin, false)) && admin.is_closed_by(rights(UserRole::Admin, false)));
        assert!(rights(UserRole::Viewer, true).outdated_by(admin), "a promotion holds at once, too");
        let shut = rights(UserRole::Admin, false);
        assert!(!shut.outdated_by(admin) && !shut.outdated_by(shut), "whoever is shut out has no tokens");
    }

    #[test]
    fn the_last_admin_stays() {
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let refused = |admins: &[Uuid], user: Uuid, new: Rights| match keep_an_admin(admins, user, new) {
            Ok(()) => false,
            Err(Error::Refused(refusal)) => refusal.reason() == Reason::LastAdmin,
            Err(other) => panic!("{other}"),
        };
        assert!(refused(&[ada], ada, rights(UserRole::Pi, true)));
        assert!(refused(&[ada], ada, rights(UserRole::Admin, false)));
        assert!(!refused(&[ada], ada, rights(UserRole::Admin, true)));
        assert!(!refused(&[ada, bob], ada, rights(UserRole::Pi, true)));
        assert!(!refused(&[ada], bob, rights(UserRole::Viewer, false)));
    }

    #[test]
    fn rights_are_stated_whole() {
        let user = |role: i32, is_active: Option<bool>| pb::User { role, is_active, ..pb::User::default() };
        assert_eq!(Rights::stated(&user(4, Some(true))).expect("whole"), rights(UserRole::Pi, true));
        for odd in [user(0, Some(true)), user(6, Some(true)), user(-1, Some(true)), user(4, None)] {
            assert!(matches!(Rights::stated(&odd), Err(Error::Invalid(_))), "{odd:?}");
        }
    }
}
