//! People: their roles and their password hashes.

use serde_json::Value;
use tms_core::{
    operator::{Profile, password::is_verifiable, user::check_username},
    permission::Role,
    secret::Secret,
    transfer::UserEntry,
};

use super::{Takeover, dump::Object, fields::Fields, report::Notes};

impl Takeover<'_> {
    pub(super) fn user(&mut self, object: &Object, notes: &mut Notes) -> Result<(), String> {
        let fields = object.fields();
        let name = fields.text(&["username"]).ok_or("it has no username")?;
        let username = check_username(&name).map_err(|error| format!("its username {}", error.0))?;
        if self.users.has(&username) {
            return Err("another one has the same name in lower case".to_owned());
        }
        let customer = match fields.value(&["customer", "customer_id", "company"]) {
            Some(customer) => Some(self.customers.find(customer).ok_or("its customer was not taken")?),
            None => None,
        };
        let profile = Profile {
            full_name: full_name(fields),
            email: fields.text(&["email"]),
            role: self.role(fields, notes),
            customer: None,
            is_disabled: !fields.flag(&["is_active"]).unwrap_or(true),
        };
        let profile = if let Ok(profile) = profile.clone().checked() {
            profile
        } else {
            notes.insert("without the e-mail address, which is none".to_owned());
            let without = Profile { email: None, ..profile };
            without
                .checked()
                .map_err(|error| format!("its name can't be taken: {error}"))?
        };
        self.users.add(object, username.clone());
        self.fixture.users.push(UserEntry {
            username,
            profile,
            customer,
            password_hash: password(fields, notes),
        });
        Ok(())
    }

    /// A field of its own says it best; then who may do everything; then groups; then who may enter the administration.
    fn role(&self, fields: Fields<'_>, notes: &mut Notes) -> Role {
        if let Some(word) = fields.text(&["role"]) {
            if let Some(role) = self.mapping.role(&word) {
                return role;
            }
            notes.insert(format!("the role {word:?} is not known here"));
        }
        if fields.flag(&["is_superuser"]) == Some(true) {
            return Role::Admin;
        }
        let groups = fields
            .value(&["groups"])
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let roles = groups
            .filter_map(|group| self.groups.find(group))
            .filter_map(|name| self.mapping.role(&name));
        // The order of declaration begins with the most rights.
        if let Some(role) = roles.min() {
            return role;
        }
        if fields.flag(&["is_staff"]) == Some(true) {
            Role::Operator
        } else {
            Role::Viewer
        }
    }
}

/// Japanese names begin with the family.
fn full_name(fields: Fields<'_>) -> String {
    if let Some(name) = fields.text(&["full_name", "display_name"]) {
        return name;
    }
    let (first, last) = (fields.text(&["first_name"]), fields.text(&["last_name"]));
    let is_latin = first.iter().chain(&last).all(|name| name.is_ascii());
    let parts = if is_latin { [first, last] } else { [last, first] };
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Returns a hash that verifies here.
fn password(fields: Fields<'_>, notes: &mut Notes) -> Option<Secret<String>> {
    let stored = fields.text(&["password"])?;
    if stored.starts_with('!') {
        notes.insert("without a password, as before".to_owned());
        return None;
    }
    // Django writes the name of its hasher before a string that others know.
    let stored = stored
        .strip_prefix("argon2$")
        .map_or(stored.clone(), |rest| format!("${rest}"));
    let hash = Secret::new(stored);
    if is_verifiable(&hash) {
        return Some(hash);
    }
    let kind = hash.expose().split('$').next().unwrap_or_default();
    let kind = if kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        kind
    } else {
        "unknown"
    };
    notes.insert(format!(
        "without the password, whose hash ({kind}) can't be verified here: give a link with `tms user reset`"
    ));
    None
}
