//! Where a database is, as a URL, as the options of a connection, and as the environment of PostgreSQL's programs: a
//! password on a command line can be read by everybody.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::error::BackupError;

/// The address of a database, with the password.
#[derive(Clone)]
pub struct PgAddress {
    url: Url,
    /// The name of the database.
    pub database: String,
}

impl fmt::Debug for PgAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PgAddress({})", self.database)
    }
}

impl FromStr for PgAddress {
    type Err = BackupError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|error| BackupError::Address(error.to_string()))?;
        let database = decoded(url.path().trim_start_matches('/'));
        if database.is_empty() {
            return Err(BackupError::Address("it names no database".to_owned()));
        }
        Ok(Self { url, database })
    }
}

impl PgAddress {
    /// Returns the address of another database of the same server.
    #[must_use]
    pub fn named(&self, database: &str) -> Self {
        let mut url = self.url.clone();
        url.set_path(database);
        Self {
            url,
            database: database.to_owned(),
        }
    }

    /// Returns the address with the password.
    pub fn expose(&self) -> &str {
        self.url.as_str()
    }

    pub(super) fn options(&self) -> Result<PgConnectOptions, BackupError> {
        self.url
            .as_str()
            .parse()
            .map_err(|error: sqlx::Error| BackupError::Address(error.to_string()))
    }

    /// Returns what libpq reads.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("PGDATABASE", self.database.clone())];
        let mut set = |key, value: String| {
            if !value.is_empty() {
                all.retain(|(present, _)| *present != key);
                all.push((key, value));
            }
        };
        set("PGHOST", self.url.host_str().map(decoded).unwrap_or_default());
        set(
            "PGPORT",
            self.url.port().map(|port| port.to_string()).unwrap_or_default(),
        );
        set("PGUSER", decoded(self.url.username()));
        set("PGPASSWORD", self.url.password().map(decoded).unwrap_or_default());
        for (key, value) in self.url.query_pairs() {
            let name = match &*key {
                "host" => "PGHOST",
                "port" => "PGPORT",
                "user" => "PGUSER",
                "password" => "PGPASSWORD",
                "sslmode" | "ssl-mode" => "PGSSLMODE",
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
                "sslcert" | "ssl-cert" => "PGSSLCERT",
                "sslkey" | "ssl-key" => "PGSSLKEY",
                _ => continue,
            };
            set(name, value.into_owned());
        }
        all
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_the_environment_of_programs() {
        let address: PgAddress = "postgres://tms:p%40ss%2Fw@db.example:5433/tms%20x?sslmode=verify-full"
            .parse()
            .unwrap();
        assert_eq!(address.database, "tms x");
        let mut environment = address.environment();
        environment.sort_unstable();
        let expected = [
            ("PGDATABASE", "tms x"),
            ("PGHOST", "db.example"),
            ("PGPASSWORD", "p@ss/w"),
            ("PGPORT", "5433"),
            ("PGSSLMODE", "verify-full"),
            ("PGUSER", "tms"),
        ];
        assert_eq!(environment, expected.map(|(key, value)| (key, value.to_owned())));
        assert_eq!(format!("{address:?}"), "PgAddress(tms x)");
    }

    #[test]
    fn a_socket_and_another_database() {
        let address: PgAddress = "postgres:///tms?host=/run/pg".parse().unwrap();
        assert!(address.environment().contains(&("PGHOST", "/run/pg".to_owned())));
        let other = address.named("other");
        assert!(other.environment().contains(&("PGDATABASE", "other".to_owned())));
        assert!(other.environment().contains(&("PGHOST", "/run/pg".to_owned())));
        assert!("postgres://host".parse::<PgAddress>().is_err());
        assert!("nonsense".parse::<PgAddress>().is_err());
    }
}
