//! The databases that can be backed up.

use std::path::Path;

use tms_core::time::Timestamp;

#[cfg(feature = "postgres")]
use crate::postgres::{PgAddress, PgDatabase};
#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteDatabase;
use crate::{contents::Contents, error::BackupError};

/// A database that can be backed up.
#[derive(Debug)]
pub enum Database {
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(PgDatabase),
    /// A SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteDatabase),
}

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// At this address.
    #[cfg(feature = "postgres")]
    Postgres(PgAddress),
    /// In this file.
    #[cfg(feature = "sqlite")]
    Sqlite(std::path::PathBuf),
}

/// A backup that was restored beside the present database. It stays until it is swapped in or discarded.
#[derive(Debug)]
#[must_use = "it stays there until it is swapped in or discarded"]
pub struct Beside(pub(crate) Place);

impl Beside {
    /// Returns where it is.
    pub const fn place(&self) -> &Place {
        &self.0
    }
}

/// What has become of the database that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swapped {
    /// Where it is kept now, if it had data.
    pub former: Option<String>,
}

impl Database {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "postgres",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "sqlite",
        }
    }

    pub(crate) const fn extension(&self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "dump",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "sqlite3",
        }
    }

    /// Copies the database to a file, and says what is in it.
    pub(crate) async fn dump(&self, to: &Path) -> Result<Contents, BackupError> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.dump(to).await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => database.dump(to).await,
        }
    }

    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "a file has nothing to wait for")
    )]
    pub(crate) async fn restore_beside(&self, archive: &Path, now: Timestamp) -> Result<Beside, BackupError> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.restore_beside(archive, now).await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => database.restore_beside(archive, now),
        }
    }

    /// Says what is in a database.
    ///
    /// # Errors
    /// [`BackupError::Sql`].
    pub async fn contents(&self, place: &Place) -> Result<Contents, BackupError> {
        match place {
            #[cfg(feature = "postgres")]
            Place::Postgres(address) => crate::postgres::contents(address).await,
            #[cfg(feature = "sqlite")]
            Place::Sqlite(path) => crate::sqlite::contents(path).await,
        }
    }

    /// Puts what was restored in the place of the present database, whose data is kept beside.
    ///
    /// # Errors
    /// [`BackupError::NotEmpty`] unless `replace` is true, [`BackupError::InUse`] when a server may be using it; both
    /// databases are as they were then.
    pub async fn swap(&self, beside: Beside, replace: bool, now: Timestamp) -> Result<Swapped, BackupError> {
        match (self, beside.0) {
            #[cfg(feature = "postgres")]
            (Self::Postgres(database), Place::Postgres(beside)) => database.swap(&beside, replace, now).await,
            #[cfg(feature = "sqlite")]
            (Self::Sqlite(database), Place::Sqlite(beside)) => database.swap(&beside, replace, now).await,
            #[cfg(all(feature = "postgres", feature = "sqlite"))]
            _ => Err(BackupError::OtherDatabase(self.kind().to_owned())),
        }
    }

    /// Says before anything is done whether [`Self::swap`] would refuse.
    ///
    /// # Errors
    /// As [`Self::swap`].
    pub async fn check_target(&self, replace: bool) -> Result<(), BackupError> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.check_target(replace).await.map(drop),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => database.check_target(replace).await.map(drop),
        }
    }

    /// Removes what was restored.
    ///
    /// # Errors
    /// [`BackupError`].
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "a file has nothing to wait for")
    )]
    pub async fn discard(&self, beside: Beside) -> Result<(), BackupError> {
        match (self, beside.0) {
            #[cfg(feature = "postgres")]
            (Self::Postgres(database), Place::Postgres(beside)) => database.drop_database(&beside.database).await,
            #[cfg(feature = "sqlite")]
            (_, Place::Sqlite(path)) => crate::sqlite::remove(&path),
            #[cfg(all(feature = "postgres", feature = "sqlite"))]
            (Self::Sqlite(_), Place::Postgres(_)) => Err(BackupError::OtherDatabase(self.kind().to_owned())),
        }
    }
}
