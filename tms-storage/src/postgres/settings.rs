//! What an embedder can set of the connection.

use std::{fmt, str::FromStr, time::Duration};

use sqlx::postgres::PgConnectOptions;
use tms_core::secret::Secret;

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct PgSettings {
    /// `postgres://user:password@host:port/database`, with the usual parameters such as `sslmode`.
    pub url: Secret<String>,
    /// The schema that holds the tables; `None` leaves it to the role's own search path.
    pub schema: Option<String>,
    /// The table that remembers the applied migrations.
    pub migrations_table: String,
    /// A role to which [`super::migrate`] grants what a server needs and no more: no change of audit entries, no
    /// change of the schema. `None` grants nothing, because the server signs in as the owner.
    pub application_role: Option<String>,
    /// The password with which [`super::migrate`] makes that role, or which it sets anew; printable ASCII. `None` leaves the
    /// role to whoever made it.
    pub application_password: Option<Secret<String>>,
    /// How many connections serve requests and background work at most. Two further ones are left to what a node lives by:
    /// tokens and their revocations, its lease, its signs of life.
    pub max_connections: u32,
    /// How many further connections serve heartbeats alone, so that slow lists never hold them up.
    pub heartbeat_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a statement may wait for another transaction.
    pub lock_timeout: Duration,
    /// How many presence rows of recent heartbeats are remembered, so that they need not be read again; each takes
    /// about 250 bytes. Zero remembers none.
    pub remembered_terminals: usize,
    /// How the connections are named in the database's own views.
    pub application_name: String,
}

impl PgSettings {
    /// Takes a URL; everything else is as it should be for one node.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url.into()),
            schema: None,
            migrations_table: "tms_migration".to_owned(),
            application_role: None,
            application_password: None,
            max_connections: 10,
            heartbeat_connections: 4,
            acquire_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            remembered_terminals: 200_000,
            application_name: "tms".to_owned(),
        }
    }

    /// Returns the options of every connection, without time-outs.
    pub(super) fn options(&self) -> Result<PgConnectOptions, ConnectError> {
        let options = PgConnectOptions::from_str(self.url.expose()).map_err(|_| ConnectError::Url)?;
        let mut options = options
            .application_name(&self.application_name)
            .statement_cache_capacity(200)
            .options([("jit", "off"), ("timezone", "UTC"), ("client_min_messages", "warning")]);
        if let Some(schema) = &self.schema {
            options = options.options([("search_path", format!("{},public", quoted(schema)?))]);
        }
        Ok(options)
    }
}

impl fmt::Debug for PgSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgSettings")
            .field("schema", &self.schema)
            .field("max_connections", &self.max_connections)
            .field("heartbeat_connections", &self.heartbeat_connections)
            .finish_non_exhaustive()
    }
}

/// Settings with which no connection can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL can't be read. It is not repeated: it may hold a password.
    #[error("the database URL must look like postgres://user:password@host:port/database")]
    Url,
    /// A schema, table or role is named by something that is not a plain name.
    #[error("{0:?} must be 1 to 63 of a-z, 0-9 and _, not starting with a digit")]
    Name(String),
    /// The password of the application role has other characters than printable ASCII.
    #[error("the password of the application role must be printable ASCII")]
    Password,
}

/// Returns a name as it stands in SQL; only plain names pass, so that nothing needs escaping.
pub(super) fn quoted(name: &str) -> Result<String, ConnectError> {
    let is_plain = (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_plain {
        Ok(format!("\"{name}\""))
    } else {
        Err(ConnectError::Name(name.to_owned()))
    }
}
