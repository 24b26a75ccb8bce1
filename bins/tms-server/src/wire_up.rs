//! Composes stores, core and keys from the configuration.

pub mod backups;
pub mod redis;

use std::{
    fmt::Write as _,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use tms_core::{
    Error, NodeSettings, Stores, Tms,
    heartbeat::ingest::IngestSettings,
    key::SecretKeys,
    random::{RandomSource, SystemRandom},
    secret::Secret,
};
use tms_notify::{Outbound, OutboundSettings, Reach};
#[cfg(feature = "postgres")]
use tms_storage::postgres::{PgSettings, PgStore};
#[cfg(feature = "sqlite")]
use tms_storage::sqlite::SqliteStore;

use crate::{
    cloud,
    config::{Config, StoreConfig},
};

/// The file of the embedded store within the data folder.
#[cfg(feature = "sqlite")]
const SQLITE_FILE: &str = "tms.sqlite3";
/// The key that the embedded store makes once.
pub const KEY_FILE: &str = "secret.key";

/// How the store is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: the embedded store refuses a second server.
    Serve,
    /// For one command, beside a server.
    Command,
}

/// Opens the configured store.
#[cfg_attr(
    not(feature = "sqlite"),
    expect(
        unused_variables,
        clippy::unused_async,
        reason = "only the embedded store is opened for a purpose, and at once"
    )
)]
pub async fn open_stores(config: &Config, purpose: Purpose) -> anyhow::Result<Stores> {
    match &config.store {
        #[cfg(feature = "sqlite")]
        StoreConfig::Sqlite => {
            use std::os::unix::fs::DirBuilderExt;

            // SQLite makes its files readable for everybody: the folder is what keeps others out.
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&config.data_dir)
                .with_context(|| format!("making the data folder {}", config.data_dir.display()))?;
            let path = config.data_dir.join(SQLITE_FILE);
            let store = match purpose {
                Purpose::Serve => SqliteStore::open(&path).await,
                Purpose::Command => SqliteStore::open_beside(&path).await,
            };
            Ok(store.with_context(|| format!("opening {}", path.display()))?.stores())
        }
        #[cfg(feature = "postgres")]
        StoreConfig::Postgres { .. } => Ok(postgres_store(config)?.stores()),
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        other => anyhow::bail!("this build has no support for {other:?}"),
    }
}

#[cfg(feature = "postgres")]
fn postgres_store(config: &Config) -> anyhow::Result<std::sync::Arc<PgStore>> {
    PgStore::connect(&postgres_settings(config)?).context("preparing the database connection")
}

#[cfg(feature = "postgres")]
fn postgres_settings(config: &Config) -> anyhow::Result<PgSettings> {
    let StoreConfig::Postgres {
        url,
        schema,
        application_role,
        application_password,
        connections,
    } = &config.store
    else {
        anyhow::bail!("no Postgres is configured: set DATABASE_URL");
    };
    let mut settings = PgSettings::new(url.expose());
    settings.schema.clone_from(schema);
    settings.application_role.clone_from(application_role);
    settings.application_password.clone_from(application_password);
    settings.max_connections = *connections;
    Ok(settings)
}

/// Builds the facade over `stores`.
pub fn build(config: &Config, stores: Stores) -> anyhow::Result<Tms> {
    let ingest = IngestSettings {
        lanes: config.ingest_lanes.clamp(1, 16),
        ..IngestSettings::default()
    };
    let node = NodeSettings {
        node: config.node.clone(),
        public_url: config.public_url.clone(),
        ingest,
        ..NodeSettings::default()
    };
    let reach = if config.private_web_hooks {
        Reach::Private
    } else {
        Reach::Public
    };
    let outbound = Outbound::new(OutboundSettings {
        reach,
        ..OutboundSettings::default()
    });
    Ok(Tms::builder(stores)
        .notifier(cloud::notifier(config, outbound.context("preparing web hooks")?))
        .settings(config.settings.clone())
        .secret_keys(secret_keys(config)?)
        .node(node)
        .build())
}

/// Opens the store for one command.
pub async fn for_command(config: &Config) -> anyhow::Result<Tms> {
    build(config, open_stores(config, Purpose::Command).await?)
}

/// Applies what is missing of the schema; returns its names.
pub async fn migrate(config: &Config) -> anyhow::Result<Vec<String>> {
    match &config.store {
        // The embedded store migrates when it is opened.
        StoreConfig::Sqlite => open_stores(config, Purpose::Command).await.map(|_| Vec::new()),
        #[cfg(feature = "postgres")]
        StoreConfig::Postgres { .. } => {
            let report = tms_storage::postgres::migrate(&postgres_settings(config)?).await;
            Ok(report.context("migrating the database")?.applied)
        }
        #[cfg(not(feature = "postgres"))]
        StoreConfig::Postgres { .. } => anyhow::bail!("this build has no support for Postgres"),
    }
}

/// Returns the names of what is missing of the schema.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unused_async, reason = "the embedded store has nothing to wait for")
)]
pub async fn migration_plan(config: &Config) -> anyhow::Result<Vec<String>> {
    match &config.store {
        StoreConfig::Sqlite => Ok(Vec::new()),
        #[cfg(feature = "postgres")]
        StoreConfig::Postgres { .. } => {
            let plan = tms_storage::postgres::migration_plan(&postgres_settings(config)?).await;
            plan.context("looking at the database")
        }
        #[cfg(not(feature = "postgres"))]
        StoreConfig::Postgres { .. } => anyhow::bail!("this build has no support for Postgres"),
    }
}

/// Returns the secret key and the one that it replaces.
fn secret_keys(config: &Config) -> anyhow::Result<SecretKeys> {
    let keys = SecretKeys::new(secret_key(config)?.expose().as_bytes());
    Ok(match &config.previous_secret_key {
        Some(previous) => keys.with_previous(previous.expose().as_bytes()),
        None => keys,
    })
}

/// Returns the secret key; the embedded store makes one once and keeps it where only its owner can read.
pub fn secret_key(config: &Config) -> anyhow::Result<Secret<String>> {
    if let Some(key) = &config.secret_key {
        return Ok(key.clone());
    }
    let path = config.data_dir.join(KEY_FILE);
    if let Ok(key) = std::fs::read_to_string(&path) {
        return Ok(Secret::new(key.trim().to_owned()));
    }
    // Two processes that start together must agree: whoever links the file first has made the key.
    let key = random_text()?;
    let own = path.with_extension(format!("key.{}", std::process::id()));
    write_private(&own, &key)?;
    let linked = std::fs::hard_link(&own, &path);
    std::fs::remove_file(&own)?;
    match linked {
        Ok(()) => Ok(Secret::new(key)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let key = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            Ok(Secret::new(key.trim().to_owned()))
        }
        Err(error) => Err(error).with_context(|| format!("writing {}", path.display())),
    }
}

/// Reads a password from standard input: on a command line it could be read by everybody.
pub fn read_password() -> anyhow::Result<Secret<String>> {
    let mut password = String::new();
    let read = std::io::stdin().lock().take(4_096).read_to_string(&mut password);
    read.context("reading the password")?;
    Ok(Secret::new(password.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Returns 256 random bits as text.
pub fn random_text() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    SystemRandom.fill(&mut bytes)?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

/// Writes a file that only its owner can read; an existing one is replaced.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let _ = std::fs::remove_file(path);
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = opened.with_context(|| format!("writing {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(())
}

/// The arguments of a command are wrong: it can't be carried out as it was given.
#[derive(Debug)]
pub struct WrongUse(pub String);

impl std::fmt::Display for WrongUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUse {}

/// Says what a service refused, field by field. What is no argument, such as a password, is no wrong use.
pub fn explain(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(fields) => {
            let faults: Vec<String> = fields
                .iter()
                .map(|(field, messages)| format!("{field} {}", messages.join(", ")))
                .collect();
            let text = faults.join("; ");
            if fields.iter().all(|(field, _)| field == "password") {
                anyhow::anyhow!(text)
            } else {
                WrongUse(text).into()
            }
        }
        other => anyhow::Error::new(other),
    }
}
