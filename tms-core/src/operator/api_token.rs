//! Personal API tokens: a part of a person's rights, for a program, until a day.

use std::{collections::BTreeSet, fmt, time::Duration};

use crate::{
    id::{ApiTokenId, CustomerId, UserId},
    permission::{Permission, Role},
    secret::TokenHash,
    text::InvalidText,
    time::Timestamp,
};

/// How long a token lives when nobody says.
pub const USUAL_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// How long a token lives at most.
pub const LONGEST_LIFE: Duration = Duration::from_secs(366 * 86_400);
/// How many tokens a person has at most.
pub const MOST_TOKENS: u64 = 50;
/// How exactly the last use is known; finer would write with every request.
pub const USE_STEP: Duration = Duration::from_secs(600);

/// What of a person's rights a token has. What the person loses, the token loses too.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Permission>);

impl Scopes {
    /// Takes the scopes that somebody with `role`, bound to `customer` perhaps, asks for.
    ///
    /// # Errors
    /// [`InvalidText`] when there is none, or one that the person does not have or no token may have.
    pub fn granted(
        wanted: impl IntoIterator<Item = Permission>,
        role: Role,
        customer: Option<CustomerId>,
    ) -> Result<Self, InvalidText> {
        let scopes: BTreeSet<_> = wanted.into_iter().collect();
        if scopes.is_empty() {
            return Err(InvalidText("must have at least one".to_owned()));
        }
        for scope in &scopes {
            if scope.needs_proof() {
                return Err(InvalidText(format!("{scope} can't be given to a token")));
            }
            if !role.has(*scope) || (customer.is_some() && !scope.is_for_bound()) {
                return Err(InvalidText(format!("{scope} is not yours to give")));
            }
        }
        Ok(Self(scopes))
    }

    /// Reads stored scopes; a name that is no longer known gives no right.
    pub fn parse_stored(text: &str) -> Self {
        Self(text.split(' ').filter_map(|name| name.parse().ok()).collect())
    }

    /// Tells whether `permission` is among them.
    pub fn allow(&self, permission: Permission) -> bool {
        !permission.needs_proof() && self.0.contains(&permission)
    }

    /// Returns them in order.
    pub fn iter(&self) -> impl Iterator<Item = Permission> {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scopes {
    /// Spells them as they are stored: names with a blank between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Permission::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiToken {
    /// Whose rights it has a part of.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// The hash of the token.
    pub hash: TokenHash,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: ApiTokenId,
    /// Whose rights it has a part of.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was used last, to [`USE_STEP`].
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ApiToken {
    /// Tells whether a use at `now` is worth writing down.
    pub fn is_use_news(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| now.since(last) >= USE_STEP)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_gives_more_than_they_have() {
        use Permission as P;
        let bound = CustomerId::new(1).ok();
        for (wanted, role, customer, is_granted) in [
            (vec![P::TerminalRead], Role::Viewer, None, true),
            (vec![P::TerminalRead, P::TerminalWrite], Role::Viewer, None, false),
            (vec![P::TerminalWrite], Role::Operator, bound, true),
            (vec![P::SettingsRead], Role::Operator, None, true),
            (vec![P::SettingsRead], Role::Operator, bound, false),
            (vec![P::UserRead], Role::Admin, None, true),
            (vec![P::UserWrite], Role::Admin, None, false),
            (vec![P::SettingsWrite], Role::Admin, None, false),
            (vec![], Role::Admin, None, false),
        ] {
            let granted = Scopes::granted(wanted.clone(), role, customer);
            assert_eq!(granted.is_ok(), is_granted, "{wanted:?} {role}");
        }
    }

    #[test]
    fn a_stored_scope_that_is_unknown_or_needs_a_proof_gives_no_right() {
        let scopes = Scopes::parse_stored("alert.read gone.read user.write");
        assert!(scopes.allow(Permission::AlertRead));
        assert!(!scopes.allow(Permission::UserWrite));
        assert_eq!(Scopes::parse_stored(""), Scopes::default());
    }

    proptest! {
        #[test]
        fn scopes_print_and_parse(chosen in prop::collection::vec(prop::sample::select(Permission::ALL), 0..10)) {
            let scopes = Scopes(chosen.into_iter().collect());
            prop_assert_eq!(Scopes::parse_stored(&scopes.to_string()), scopes);
        }
    }
}
