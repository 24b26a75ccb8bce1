//! SQLite: copied by the database itself while others write, and put in place by renaming.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use futures::TryStreamExt;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use tms_core::time::Timestamp;

use crate::{
    contents::{AuditHead, Contents, TableSum},
    database::{Beside, Place, Swapped},
    error::BackupError,
    manifest::name_at,
    seal::hex,
};

/// A database in a file.
#[derive(Debug)]
pub struct SqliteDatabase {
    /// The file.
    pub path: PathBuf,
}

impl SqliteDatabase {
    pub(crate) async fn dump(&self, to: &Path) -> Result<Contents, BackupError> {
        // Opening would make the file.
        fs::metadata(&self.path).map_err(BackupError::file(&self.path))?;
        crate::seal::private(to).map_err(BackupError::file(to))?;
        let mut connection = SqliteConnection::connect_with(&options(&self.path, false)).await?;
        let target = to
            .to_str()
            .ok_or_else(|| BackupError::file(to)(io::ErrorKind::InvalidFilename.into()))?;
        let copied = sqlx::query("VACUUM INTO ?").bind(target).execute(&mut connection).await;
        connection.close().await?;
        copied?;
        // The copy is one moment of the database, so what is in it is what was there.
        contents(to).await
    }

    pub(crate) fn restore_beside(&self, archive: &Path, now: Timestamp) -> Result<Beside, BackupError> {
        let beside = self.beside("restored", now);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(BackupError::file(folder))?;
        }
        let copy = || {
            let mut from = File::open(archive)?;
            let mut to = crate::seal::private(&beside)?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()
        };
        copy().map_err(|error| {
            let _ = fs::remove_file(&beside);
            BackupError::file(&beside)(error)
        })?;
        Ok(Beside(Place::Sqlite(beside)))
    }

    fn beside(&self, what: &str, now: Timestamp) -> PathBuf {
        suffixed(&self.path, &format!(".{what}-{}-{}", name_at(now), std::process::id()))
    }

    /// Returns whether there is data to be kept.
    pub(crate) async fn check_target(&self, replace: bool) -> Result<bool, BackupError> {
        if !self.path.exists() {
            return Ok(false);
        }
        let mut connection = SqliteConnection::connect_with(&options(&self.path, true)).await?;
        let has_tables = !tables(&mut connection).await?.is_empty();
        connection.close().await?;
        if has_tables && !replace {
            return Err(BackupError::NotEmpty(self.path.display().to_string()));
        }
        Ok(has_tables)
    }

    pub(crate) async fn swap(&self, beside: &Path, replace: bool, now: Timestamp) -> Result<Swapped, BackupError> {
        let outcome = self.exchange(beside, replace, now).await;
        if outcome.is_err() {
            remove(beside)?;
        }
        outcome
    }

    async fn exchange(&self, beside: &Path, replace: bool, now: Timestamp) -> Result<Swapped, BackupError> {
        // What a server holds as long as it runs.
        let lock = suffixed(&self.path, ".lock");
        let held = File::options().create(true).truncate(false).write(true).open(&lock);
        let held = held.map_err(BackupError::file(&lock))?;
        held.try_lock()
            .map_err(|_| BackupError::InUse(self.path.display().to_string()))?;
        let has_data = self.check_target(replace).await?;
        fold(beside).await?;
        if self.path.exists() {
            fold(&self.path).await?;
        }
        let former = self.beside("before", now);
        if has_data {
            fs::rename(&self.path, &former).map_err(BackupError::file(&self.path))?;
        }
        for rest in JOURNALS {
            let _ = fs::remove_file(suffixed(&self.path, rest));
        }
        if let Err(error) = fs::rename(beside, &self.path) {
            if has_data {
                fs::rename(&former, &self.path).map_err(BackupError::file(&former))?;
            }
            return Err(BackupError::file(beside)(error));
        }
        for rest in JOURNALS {
            let _ = fs::remove_file(suffixed(beside, rest));
        }
        let _ = fs::remove_file(suffixed(beside, ".lock"));
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(BackupError::file(folder))?;
        }
        Ok(Swapped {
            former: has_data.then(|| former.display().to_string()),
        })
    }
}

/// What SQLite keeps beside a file.
const JOURNALS: [&str; 2] = ["-wal", "-shm"];

/// Brings what is in the journal into the file, which is the whole database then.
async fn fold(path: &Path) -> Result<(), BackupError> {
    let mut connection = SqliteConnection::connect_with(&options(path, false)).await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}

/// Spells a name as SQL does.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Removes a database with all that belongs to it.
pub(crate) fn remove(path: &Path) -> Result<(), BackupError> {
    for rest in JOURNALS.into_iter().chain([".lock"]) {
        let _ = fs::remove_file(suffixed(path, rest));
    }
    fs::remove_file(path).map_err(BackupError::file(path))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn options(path: &Path, read_only: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(read_only)
        .busy_timeout(std::time::Duration::from_secs(10))
}

/// Says what is in a database, after looking through all of its pages.
pub(crate) async fn contents(path: &Path) -> Result<Contents, BackupError> {
    let mut connection = SqliteConnection::connect_with(&options(path, false)).await?;
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(&mut connection)
        .await?;
    if found != ["ok"] {
        return Err(BackupError::Differs(found));
    }
    let mut contents = Contents {
        schema: schema(&mut connection).await?,
        ..Contents::default()
    };
    for table in tables(&mut connection).await? {
        let sum = sum_of(&mut connection, &table).await?;
        contents.tables.insert(table, sum);
    }
    contents.sequences = sequences(&mut connection).await?;
    if contents.tables.contains_key("audit_seal") {
        contents.audit_head = audit_head(&mut connection).await?;
    }
    connection.close().await?;
    Ok(contents)
}

async fn tables(connection: &mut SqliteConnection) -> Result<Vec<String>, BackupError> {
    let tables = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
    );
    Ok(tables.fetch_all(connection).await?)
}

async fn schema(connection: &mut SqliteConnection) -> Result<String, BackupError> {
    let lines: Vec<String> = sqlx::query_scalar(
        "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_master ORDER BY 1",
    )
    .fetch_all(connection)
    .await?;
    Ok(hex(&Sha256::digest(lines.join("\n"))))
}

/// Sums up the rows one by one; half of each row's hash as a number, so that the sum needs no order and no memory.
async fn sum_of(connection: &mut SqliteConnection, table: &str) -> Result<TableSum, BackupError> {
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?) ORDER BY cid")
        .bind(table)
        .fetch_all(&mut *connection)
        .await?;
    let spelled: Vec<String> = columns
        .iter()
        .map(|column| format!("quote({})", quoted(column)))
        .collect();
    let statement = format!("SELECT {} FROM {}", spelled.join(" || ',' || "), quoted(table));
    let mut rows = sqlx::query(AssertSqlSafe(statement)).fetch(connection);
    let (mut count, mut sum) = (0_u64, 0_u128);
    while let Some(row) = rows.try_next().await? {
        let line: String = row.try_get(0)?;
        let hash = Sha256::digest(line);
        let half = hash.first_chunk::<16>().copied().unwrap_or_default();
        (count, sum) = (count.saturating_add(1), sum.wrapping_add(u128::from_be_bytes(half)));
    }
    Ok(TableSum {
        rows: count,
        sum: format!("{sum:032x}"),
    })
}

async fn sequences(connection: &mut SqliteConnection) -> Result<BTreeMap<String, i64>, BackupError> {
    let is_there: Option<i64> = sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
        .fetch_optional(&mut *connection)
        .await?;
    if is_there.is_none() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT name, seq FROM sqlite_sequence")
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

async fn audit_head(connection: &mut SqliteConnection) -> Result<Option<AuditHead>, BackupError> {
    let head: Option<(i64, String)> =
        sqlx::query_as("SELECT place, lower(hex(hash)) FROM audit_seal ORDER BY place DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(head.map(|(place, hash)| AuditHead { place, hash }))
}
