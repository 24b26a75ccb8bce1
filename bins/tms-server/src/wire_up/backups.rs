//! Backups of the configured database, and a look into one that was restored.

use std::path::Path;

#[cfg(feature = "sqlite")]
use anyhow::Context;
#[cfg(feature = "postgres")]
use tms_backup::postgres::{PgDatabase, Programs};
#[cfg(feature = "sqlite")]
use tms_backup::sqlite::SqliteDatabase;
use tms_backup::{AuditHead, Backups, Beside, Database, Depot, Folder, Identity, Manifest, Place};
use tms_core::{
    Stores,
    audit::verify::Verification,
    time::{Clock, SystemClock},
};
#[cfg(feature = "sqlite")]
use tms_storage::sqlite::SqliteStore;

use super::{build, explain};
use crate::{
    cloud,
    config::{Config, Location, StoreConfig},
};

/// Returns the backups of the configured database.
pub async fn backups(config: &Config) -> anyhow::Result<Backups> {
    let database = match &config.store {
        #[cfg(feature = "sqlite")]
        StoreConfig::Sqlite => Database::Sqlite(SqliteDatabase {
            path: config.data_dir.join(super::SQLITE_FILE),
        }),
        #[cfg(feature = "postgres")]
        StoreConfig::Postgres { url, .. } => Database::Postgres(PgDatabase {
            address: url.expose().parse()?,
            programs: Programs {
                folder: config.backup.programs.clone(),
            },
        }),
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        other => anyhow::bail!("this build has no support for {other:?}"),
    };
    Ok(Backups {
        depot: depot(config).await?,
        database,
        recipient: config.backup.recipient.clone(),
    })
}

/// Returns the place where backups are.
pub async fn depot(config: &Config) -> anyhow::Result<Depot> {
    match &config.backup.place {
        Location::Folder(folder) => Ok(Depot::Folder(Folder::new(folder))),
        Location::S3 { bucket, prefix } => cloud::depot(config, bucket, prefix).await,
    }
}

/// Restores a backup beside the database, compares it with the manifest, brings its schema up to date, and walks its
/// audit trail.
pub async fn proven_beside(
    config: &Config,
    backups: &Backups,
    manifest: &Manifest,
    identity: Option<&Path>,
) -> anyhow::Result<Beside> {
    let identity = identity.map(Identity::read).transpose()?;
    let beside = backups
        .restore_beside(manifest, identity.as_ref(), SystemClock.now())
        .await?;
    match check_trail(config, beside.place(), manifest.contents.audit_head.as_ref()).await {
        Ok(()) => Ok(beside),
        Err(error) => {
            backups.database.discard(beside).await?;
            Err(error)
        }
    }
}

async fn check_trail(config: &Config, place: &Place, head: Option<&AuditHead>) -> anyhow::Result<()> {
    let expected = head.map(|head| head.hash.parse()).transpose();
    let expected = expected.map_err(|_| anyhow::anyhow!("the manifest names no hash as the end of the audit chain"))?;
    let verify = async |stores: Stores| {
        let tms = build(config, stores)?;
        let seen = tms.audit().verify(&tms.system_ctx(), expected).await;
        seen.map_err(explain)
    };
    let seen: Verification = match place {
        #[cfg(feature = "sqlite")]
        Place::Sqlite(path) => {
            let store = SqliteStore::open_beside(path)
                .await
                .context("opening what was restored")?;
            let seen = verify(store.stores()).await;
            store.close().await;
            seen?
        }
        #[cfg(feature = "postgres")]
        Place::Postgres(address) => {
            let mut beside = config.clone();
            if let StoreConfig::Postgres { url, .. } = &mut beside.store {
                *url = tms_core::secret::Secret::new(address.expose().to_owned());
            }
            super::migrate(&beside).await?;
            let store = super::postgres_store(&beside)?;
            let seen = verify(store.stores()).await;
            store.close().await;
            seen?
        }
    };
    match seen.finding {
        None => Ok(()),
        Some(finding) => anyhow::bail!(
            "the audit trail in the backup is not as it was written, or SECRET_KEY is another than that of the server \
             that wrote it: {finding}"
        ),
    }
}
