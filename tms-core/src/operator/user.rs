//! People: who they are and what they may do. No password in clear ever stands here.

use crate::{
    error::{Error, FieldErrors},
    id::{CustomerId, Revision, UserId},
    permission::Role,
    secret::{Secret, TokenHash},
    text::{InvalidText, Lines, clean, search_key},
    time::Timestamp,
};

/// A person to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The name used to sign in, lower case.
    pub username: String,
    /// What others may change later.
    pub profile: Profile,
    /// The password, as a PHC string; `None` until the person sets one.
    pub password_hash: Option<Secret<String>>,
    /// The link with which they set it, and until when that is good.
    pub link: Option<(TokenHash, Timestamp)>,
}

/// What an administrator may change of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name that others see.
    pub full_name: String,
    /// Where to write.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The only customer they see, if bound to one.
    pub customer: Option<CustomerId>,
    /// Whether sign-in is refused.
    pub is_disabled: bool,
}

/// A person as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name used to sign in.
    pub username: String,
    /// What others may change.
    pub profile: Profile,
    /// The password, as a PHC string; `None` until the person sets one.
    pub password_hash: Option<Secret<String>>,
    /// Whether a second factor is set up and confirmed.
    pub has_second_factor: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// Counts the changes that others make.
    pub revision: Revision,
}

impl Profile {
    /// Tells whether such a person can manage people; there must always be one.
    pub fn governs(&self) -> bool {
        self.role == Role::Admin && !self.is_disabled && self.customer.is_none()
    }

    /// Checks and cleans every field.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields.
    pub fn checked(self) -> Result<Self, Error> {
        let mut errors = FieldErrors::default();
        let full_name = errors.take("full_name", clean(&self.full_name, 0, 100, Lines::One));
        let email = self.email.as_deref().map(check_email).transpose();
        let email = errors.take("email", email).flatten();
        errors.finish()?;
        Ok(Self {
            full_name: full_name.unwrap_or_default(),
            email,
            ..self
        })
    }
}

impl User {
    /// Returns what a search looks at.
    pub fn search_key(username: &str, profile: &Profile) -> String {
        let email = profile.email.as_deref().unwrap_or_default();
        search_key(&format!("{username} {} {email}", profile.full_name))
    }
}

fn check_email(email: &str) -> Result<String, InvalidText> {
    let email = clean(email, 3, 254, Lines::One)?;
    let (name, host) = email.rsplit_once('@').unwrap_or_default();
    if name.is_empty() || host.is_empty() || email.contains(char::is_whitespace) {
        return Err(InvalidText("must be an e-mail address".to_owned()));
    }
    Ok(email)
}

/// Reads a name to sign in with: 3 to 50 of `a-z 0-9 . _ -`, folded to lower case.
///
/// # Errors
/// [`InvalidText`] for anything else.
pub fn check_username(text: &str) -> Result<String, InvalidText> {
    let name = fold_username(text);
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    if (3..=MAX_USERNAME).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name)
    } else {
        let message = "must be 3 to 50 of a-z, 0-9, '.', '_' and '-'";
        Err(InvalidText(message.to_owned()))
    }
}

/// The longest name, bytes.
pub(super) const MAX_USERNAME: usize = 50;

/// Folds a name as typed into the form in which it is stored.
pub(super) fn fold_username(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(role: Role) -> Profile {
        Profile {
            full_name: String::new(),
            email: None,
            role,
            customer: None,
            is_disabled: false,
        }
    }

    #[test]
    fn only_an_unbound_administrator_who_may_sign_in_governs() {
        assert!(profile(Role::Admin).governs());
        assert!(!profile(Role::Operator).governs());
        let disabled = Profile {
            is_disabled: true,
            ..profile(Role::Admin)
        };
        let bound = Profile {
            customer: Some(CustomerId::new(1).unwrap()),
            ..profile(Role::Admin)
        };
        assert!(!disabled.governs() && !bound.governs());
    }

    #[test]
    fn names_and_addresses_have_a_form() {
        assert_eq!(check_username(" Yamada.T ").unwrap(), "yamada.t");
        for bad in ["ab", "a b c", "山田太郎", "x@y", &"x".repeat(51)] {
            assert!(check_username(bad).is_err(), "{bad}");
        }
        assert!(check_email("a@b").is_ok());
        for bad in ["@b", "a@", "a.b.c", "a b@c"] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
