//! The configuration: flags, then environment (a `.env` file too), then `tms.toml`, then defaults (DESIGN section 7).

mod cloud;
pub mod duration;
mod location;
mod reader;
mod secrets;
mod sources;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tms_backup::Recipient;
use tms_core::{secret::Secret, settings::Settings};
use tms_http::StaticUrl;

pub use cloud::CloudConfig;
pub use location::Location;
use reader::Reader;
use sources::Sources;

/// All faults of the configuration, found at once.
#[derive(Debug)]
pub struct Faults(pub Vec<String>);

/// Where the data lives.
#[derive(Debug, Clone)]
pub enum StoreConfig {
    /// In a SQLite file in the data folder.
    Sqlite,
    /// In a PostgreSQL database.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "read only to say that this build has no such store")
    )]
    Postgres {
        /// Its address, user and password.
        url: Secret<String>,
        /// The schema, if not the default one.
        schema: Option<String>,
        /// The role that `tms migrate` lets use the tables, if the server does not sign in as their owner.
        application_role: Option<String>,
        /// The password with which `tms migrate` makes that role.
        application_password: Option<Secret<String>>,
        /// How many connections at most.
        connections: u32,
    },
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON document a line.
    Json,
}

/// Where backups are and how they are made.
#[derive(Debug, Clone)]
pub struct BackupConfig {
    /// Where they are.
    pub place: Location,
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "a folder is its own"))]
    /// The folder in which those are made that are kept elsewhere.
    pub desk: PathBuf,
    /// The public key to which they are encrypted.
    pub recipient: Option<Recipient>,
    /// How long they are kept.
    pub keep: Duration,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "this build has no such store")
    )]
    /// The folder of PostgreSQL's programs, if they are not where programs are.
    pub programs: Option<PathBuf>,
}

/// Where Redis is.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(feature = "redis"),
    expect(dead_code, reason = "read only to say that this build has no such support")
)]
pub struct RedisConfig {
    /// Its address, user and password.
    pub url: Secret<String>,
    /// The certificates of who may have signed its own, in PEM.
    pub authorities: Option<String>,
}

/// Who signs in when a deployment is looked at.
#[derive(Debug, Clone)]
pub struct VerifyConfig {
    /// The name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<String>>,
    /// A code of the second factor.
    pub code: Option<Secret<String>>,
    /// A personal API token, instead.
    pub token: Option<Secret<String>>,
}

/// A configuration that was checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the data lives.
    pub store: StoreConfig,
    /// Where Redis is, if several nodes share one.
    pub redis: Option<RedisConfig>,
    /// The folder of the embedded store, its key and the set-up secret.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The key from which others are derived; the embedded store makes one.
    pub secret_key: Option<Secret<String>>,
    /// The key that it replaces: what was encrypted with that one still reads.
    pub previous_secret_key: Option<Secret<String>>,
    /// The names under which the server may be called; empty means any.
    pub allowed_hosts: Vec<String>,
    /// Where people find the console.
    pub public_url: Option<String>,
    /// Where the assets of the console are, if not at the server itself.
    pub static_url: Option<StaticUrl>,
    /// The networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// For how long browsers shall come over HTTPS only; `None` does not tell them.
    pub hsts: Option<Duration>,
    /// False lifts the limits per client, for load tests.
    pub rate_limits: bool,
    /// True lets web hooks lead into private networks.
    pub private_web_hooks: bool,
    /// How long to go on serving after SIGTERM.
    pub drain: Duration,
    /// How many connections at most.
    pub max_connections: usize,
    /// Names this process among the nodes.
    pub node: String,
    /// The token that `/metrics` asks for; without one, only loopback may read it.
    pub metrics_token: Option<Secret<String>>,
    /// How logs look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// The folder of the file with errors, if there is to be one.
    pub log_dir: Option<PathBuf>,
    /// How many batches of heartbeats are written at a time.
    pub ingest_lanes: usize,
    /// Where backups are and how they are made.
    pub backup: BackupConfig,
    /// What is configured of AWS.
    pub cloud: CloudConfig,
    /// Who signs in when a deployment is looked at.
    pub verify: VerifyConfig,
    /// What holds until somebody saves settings.
    pub settings: Settings,
}

impl Config {
    /// Reads every source.
    ///
    /// # Errors
    /// [`Faults`] with everything that is wrong.
    pub fn load(overrides: &[(&'static str, String)]) -> Result<Self, Faults> {
        Self::read(Sources::of_process(overrides)?)
    }

    fn read(sources: Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let listen = reader.parse(
            "TMS_LISTEN",
            SocketAddr::from(([127, 0, 0, 1], 8_000)),
            "an address such as 127.0.0.1:8000",
        );
        let store = reader.store(listen);
        let is_embedded = matches!(store, StoreConfig::Sqlite);
        let defaults = Settings::default();
        let data_dir = reader
            .text("TMS_DATA_DIR")
            .map_or_else(|| PathBuf::from("tms-data"), PathBuf::from);
        let config = Self {
            backup: reader.backup(&data_dir),
            cloud: reader.cloud(),
            redis: reader.redis(&store),
            data_dir,
            listen,
            secret_key: reader.secret_key(&store),
            previous_secret_key: reader.previous_secret_key(),
            allowed_hosts: reader.list("ALLOWED_HOSTS"),
            public_url: reader.public_url(),
            static_url: reader.static_url(),
            trusted_proxies: reader.list("TMS_TRUSTED_PROXIES"),
            hsts: reader.hsts(),
            rate_limits: reader.switch("TMS_RATE_LIMITS", true),
            private_web_hooks: reader.switch("TMS_PRIVATE_WEB_HOOKS", false),
            drain: Duration::from_secs(reader.parse("TMS_DRAIN_S", 5, "a number of seconds")),
            max_connections: reader.parse("TMS_MAX_CONNECTIONS", 20_000, "a number of connections"),
            node: reader.text("TMS_NODE").unwrap_or_else(default_node),
            metrics_token: reader.text("TMS_METRICS_TOKEN").map(Secret::new),
            log_format: reader.log_format(),
            log_filter: reader.text("RUST_LOG").unwrap_or_else(|| "info,sqlx=warn".to_owned()),
            log_dir: reader.text("TMS_LOG_DIR").map(PathBuf::from),
            // The embedded store has one writer: a second lane would only halve the batches.
            ingest_lanes: reader.parse("TMS_INGEST_LANES", if is_embedded { 1 } else { 2 }, "a number of lanes"),
            verify: reader.verify(),
            settings: reader.settings(defaults),
            store,
        };
        reader.finish()?;
        Ok(config)
    }
}

/// The process id is enough within one machine; across machines the host name is needed too.
fn default_node() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    format!("{}-{}", if host.is_empty() { "node" } else { host }, std::process::id())
}

/// Reads pairs as if they were the environment.
#[cfg(test)]
pub fn test_config(pairs: &[(&str, &str)]) -> Config {
    Config::read(Sources::of_pairs(pairs)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Faults> {
        Config::read(Sources::of_pairs(pairs))
    }

    #[test]
    fn nothing_set_means_the_embedded_store_on_loopback() {
        let config = read(&[]).unwrap();
        assert!(matches!(config.store, StoreConfig::Sqlite));
        assert!(config.listen.ip().is_loopback());
    }

    #[test]
    fn a_public_listener_needs_a_database_or_an_explicit_wish() {
        assert!(read(&[("TMS_LISTEN", "0.0.0.0:80")]).is_err());
        assert!(read(&[("TMS_LISTEN", "0.0.0.0:80"), ("TMS_STORE", "sqlite")]).is_ok());
    }

    #[test]
    fn postgres_needs_a_secret_key() {
        let url = ("DATABASE_URL", "postgres://u:p@h/d");
        let faults = read(&[url]).unwrap_err();
        assert!(faults.0[0].contains("SECRET_KEY"), "{faults:?}");
        assert!(read(&[url, ("SECRET_KEY", &"k".repeat(32))]).is_ok());
    }

    #[test]
    fn parts_make_a_url_with_escapes() {
        let key = "k".repeat(32);
        let config = read(&[("DB_HOST", "db"), ("DB_PASSWORD", "p@ss/w:rd"), ("SECRET_KEY", &key)]).unwrap();
        let StoreConfig::Postgres { url, .. } = config.store else {
            panic!("expected Postgres")
        };
        assert_eq!(url.expose(), "postgres://tms:p%40ss%2Fw%3Ard@db:5432/tms");
    }

    #[test]
    fn a_database_in_parts_may_have_to_prove_itself() {
        let key = "k".repeat(32);
        let end = |pairs: &[(&str, &str)]| {
            let parts = [("DB_HOST", "db"), ("SECRET_KEY", key.as_str())];
            let StoreConfig::Postgres { url, .. } = read(&[&parts[..], pairs].concat())?.store else {
                panic!("expected Postgres")
            };
            Ok::<_, Faults>(url.expose().replace("postgres://tms@db:5432/tms", ""))
        };
        let authorities = ("DB_SSLROOTCERT", "/etc/tms/rds.pem");
        assert_eq!(end(&[("DB_SSLMODE", "require")]).unwrap(), "?sslmode=require");
        assert_eq!(
            end(&[authorities]).unwrap(),
            "?sslmode=verify-full&sslrootcert=%2Fetc%2Ftms%2Frds.pem"
        );
        let faults = end(&[authorities, ("DB_SSLMODE", "always")]).unwrap_err();
        assert!(faults.0[0].contains("verify-full"), "{faults:?}");
    }

    #[cfg(feature = "redis")]
    #[test]
    fn redis_has_an_address_or_parts_and_needs_postgres() {
        let key = "k".repeat(32);
        let postgres = [("DATABASE_URL", "postgres://u:p@h/d"), ("SECRET_KEY", key.as_str())];
        let with = |pairs: &[(&str, &str)]| read(&[&postgres[..], pairs].concat());
        let parts = [
            ("REDIS_HOST", "cache"),
            ("REDIS_TLS", "on"),
            ("REDIS_PASSWORD", "p@ss/w:rd"),
        ];
        let redis = with(&parts).unwrap().redis.unwrap();
        assert_eq!(redis.url.expose(), "rediss://:p%40ss%2Fw%3Ard@cache:6379");
        assert!(with(&[]).unwrap().redis.is_none());
        assert!(with(&[("REDIS_URL", "http://cache")]).is_err());
        let faults = read(&[("REDIS_URL", "redis://cache")]).unwrap_err();
        assert!(faults.0[0].contains("DATABASE_URL"), "{faults:?}");
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let faults = read(&[
            ("TMS_LISTEN", "x"),
            ("TMS_DRAIN_S", "soon"),
            ("TMS_RATE_LIMITS", "maybe"),
            ("STATIC_URL", "static"),
        ])
        .unwrap_err();
        assert_eq!(faults.0.len(), 4, "{faults:?}");
    }
}
