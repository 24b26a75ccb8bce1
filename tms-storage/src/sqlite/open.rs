//! Opening: the lock that keeps a second server out, the connections, the migrations.

use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tms_core::audit::AuditKeys;
use tokio::sync::Mutex;

use super::{SqliteStore, cache::PresenceCache, limit::Buckets};

const READERS: u32 = 4;
/// How long a caller waits for its turn.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// Only a backup or a person's shell ever holds the file beside us.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Pages in the write-ahead log before they are folded back: 32 MiB, so that a page which many batches change is
/// written back once.
const CHECKPOINT_PAGES: &str = "8192";
/// KiB of page cache of a connection.
const WRITER_CACHE: &str = "-16384";
const READER_CACHE: &str = "-8192";
const STATEMENTS: usize = 256;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another server uses the same file.
    #[error("{} is in use by another server", .0.display())]
    InUse(PathBuf),
    /// The folder or the lock file can't be used.
    #[error("cannot use {}", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// SQLite refused.
    #[error("cannot open the database {}", .0.display())]
    Database(PathBuf, #[source] sqlx::Error),
    /// A migration failed or was altered after it ran.
    #[error("cannot migrate the database {}", .0.display())]
    Migrate(PathBuf, #[source] MigrateError),
}

impl SqliteStore {
    /// Opens the database file at `path`, makes it if there is none, and migrates it to this release.
    ///
    /// A database that a newer release has migrated is accepted as it is.
    ///
    /// # Errors
    /// [`OpenError`] as described there.
    pub async fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        let lock = lock(path)?;
        Self::connect(path, Some(lock)).await
    }

    /// Opens the database file beside a server that may be using it, for a command. The server notices what it writes.
    ///
    /// # Errors
    /// [`OpenError`] as described there, but never [`OpenError::InUse`].
    pub async fn open_beside(path: &Path) -> Result<Arc<Self>, OpenError> {
        Self::connect(path, None).await
    }

    async fn connect(path: &Path, lock: Option<File>) -> Result<Arc<Self>, OpenError> {
        let failed = |error| OpenError::Database(path.to_owned(), error);
        let writer = pool(1).connect_with(writing(path)).await.map_err(failed)?;
        migrator()
            .run(&writer)
            .await
            .map_err(|error| OpenError::Migrate(path.to_owned(), error))?;
        let readers = pool(READERS).connect_with(reading(path)).await.map_err(failed)?;
        Ok(Arc::new(Self {
            writer,
            readers,
            cache: Mutex::new(PresenceCache::default()),
            audit_keys: RwLock::new(Arc::new(AuditKeys::public())),
            limits: Buckets::default(),
            _lock: lock,
        }))
    }
}

/// Returns the migrations of this release.
pub(super) fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    migrator.set_ignore_missing(true);
    migrator
}

fn lock(path: &Path) -> Result<File, OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| OpenError::Folder(folder.to_owned(), error))?;
    }
    let mut name = OsString::from(path);
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| OpenError::Folder(name.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Folder(name, error)),
    }
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // When the disk is full SQLite rolls back by itself, of which the connection learns nothing: it would refuse every
        // later transaction as one within the former. A new connection takes its place.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

fn common(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS)
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

fn writing(path: &Path) -> SqliteConnectOptions {
    common(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", WRITER_CACHE)
        .thread_name(|_| "sqlite-writer".to_owned())
}

fn reading(path: &Path) -> SqliteConnectOptions {
    common(path)
        .read_only(true)
        .pragma("query_only", "ON")
        .pragma("cache_size", READER_CACHE)
        .thread_name(|id| format!("sqlite-reader-{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_stops_the_writer_no_longer_than_it_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tms.sqlite3")).await.unwrap();
        for statement in ["CREATE TABLE filler (bytes BLOB)", "PRAGMA max_page_count = 1"] {
            sqlx::query(statement).execute(&store.writer).await.unwrap();
        }
        let mut work = store.begin(None).await.unwrap();
        let written = sqlx::query("INSERT INTO filler VALUES (zeroblob(8000000))")
            .execute(work.conn())
            .await;
        let refused = written.unwrap_err().to_string();
        assert!(refused.contains("full"), "{refused}");
        drop(work);
        // The limit was that of the connection, so that there is room again.
        let mut work = store.begin(None).await.unwrap();
        sqlx::query("INSERT INTO filler VALUES (zeroblob(8000000))")
            .execute(work.conn())
            .await
            .unwrap();
        work.commit().await.unwrap();
    }
}
