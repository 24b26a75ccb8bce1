//! PostgreSQL: dumped by its own program from a snapshot that is summed up at the same time, and restored into a database
//! of its own, whose name is exchanged with that of the present one.

mod address;
mod program;
mod swap;

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tms_core::time::Timestamp;

pub use self::{address::PgAddress, program::Programs};
use crate::{
    contents::{AuditHead, Contents, TableSum},
    database::{Beside, Place},
    error::BackupError,
    manifest::name_at,
};

/// A PostgreSQL database, with the programs that dump and restore it.
#[derive(Debug)]
pub struct PgDatabase {
    /// Where it is. Its role owns the database, or is a superuser.
    pub address: PgAddress,
    /// What dumps and restores it.
    pub programs: Programs,
}

/// How values are spelled, so that two sessions spell them alike.
const SESSION: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; \
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET search_path = pg_catalog; SET statement_timeout = 0; \
    SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = 0";

/// Everything but what is the database's own.
const OWN: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' \
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')";

impl PgDatabase {
    pub(crate) async fn dump(&self, to: &Path) -> Result<Contents, BackupError> {
        let mut connection = open(&self.address).await?;
        let snapshot = begin_snapshot(&mut connection).await?;
        // Both read the same snapshot, which this transaction holds.
        let (dumped, contents) = futures::join!(
            self.programs.dump(&self.address, &snapshot, to),
            sum_up(&mut connection)
        );
        dumped?;
        let contents = contents?;
        connection.close().await?;
        self.programs.check_listing(to, &contents).await?;
        Ok(contents)
    }

    pub(crate) async fn restore_beside(&self, archive: &Path, now: Timestamp) -> Result<Beside, BackupError> {
        let beside = self.address.named(&self.beside("restored", now));
        self.create_database(&beside.database).await?;
        match self.programs.restore(&beside, archive).await {
            Ok(()) => Ok(Beside(Place::Postgres(beside))),
            Err(error) => {
                self.drop_database(&beside.database).await?;
                Err(error)
            }
        }
    }

    /// Names a database beside this one. Names longer than 63 bytes would be cut, and two might be cut alike.
    fn beside(&self, what: &str, now: Timestamp) -> String {
        let time = name_at(now).replace("tms-", "").to_ascii_lowercase();
        let own: String = self.address.database.chars().take(24).collect();
        format!("{own}_{what}_{time}_{}", std::process::id())
    }
}

async fn open(address: &PgAddress) -> Result<PgConnection, BackupError> {
    let mut connection = PgConnection::connect_with(&address.options()?).await?;
    sqlx::raw_sql(SESSION).execute(&mut connection).await?;
    Ok(connection)
}

/// Begins a transaction that sees one moment, and holds the tables so that none is dropped meanwhile.
async fn begin_snapshot(connection: &mut PgConnection) -> Result<String, BackupError> {
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *connection)
        .await?;
    let snapshot = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *connection)
        .await?;
    let tables = tables(connection).await?;
    if !tables.is_empty() {
        let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", tables.join(", "));
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *connection).await?;
    }
    Ok(snapshot)
}

/// Says what is in a database.
pub(crate) async fn contents(address: &PgAddress) -> Result<Contents, BackupError> {
    let mut connection = open(address).await?;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut connection)
        .await?;
    let contents = sum_up(&mut connection).await?;
    connection.close().await?;
    Ok(contents)
}

async fn sum_up(connection: &mut PgConnection) -> Result<Contents, BackupError> {
    let mut contents = Contents {
        schema: schema(connection).await?,
        sequences: sequences(connection).await?,
        audit_head: audit_head(connection).await?,
        ..Contents::default()
    };
    for table in tables(connection).await? {
        // 60 bits of each row's hash as numbers: their sum needs no order and no memory.
        let statement = format!(
            "SELECT count(*), coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint::numeric), 0)::text \
             FROM ONLY {table} t"
        );
        let row = sqlx::query(AssertSqlSafe(statement))
            .fetch_one(&mut *connection)
            .await?;
        let rows: i64 = row.try_get(0)?;
        let sum = TableSum {
            rows: u64::try_from(rows).unwrap_or(0),
            sum: row.try_get(1)?,
        };
        contents.tables.insert(table, sum);
    }
    Ok(contents)
}

/// Lists the tables that hold rows, spelled as SQL spells them.
async fn tables(connection: &mut PgConnection) -> Result<Vec<String>, BackupError> {
    let statement = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND {OWN} ORDER BY 1"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_all(connection)
        .await?)
}

async fn schema(connection: &mut PgConnection) -> Result<String, BackupError> {
    let statement = format!(
        "SELECT coalesce(md5(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\")), '') FROM ( \
         SELECT format('%s.%s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
         pg_get_expr(e.adbin, e.adrelid)) AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum WHERE c.relkind IN ('r', 'p', 'v') AND {OWN} \
         UNION ALL SELECT pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('i', 'I') AND {OWN} \
         UNION ALL SELECT format('%s %s', c.oid::regclass, pg_get_constraintdef(k.oid)) FROM pg_constraint k \
         JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OWN}) lines"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_one(connection)
        .await?)
}

async fn sequences(connection: &mut PgConnection) -> Result<std::collections::BTreeMap<String, i64>, BackupError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences WHERE last_value IS NOT NULL",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Reads where the audit chain ends; it is in whatever schema TMS lives in.
async fn audit_head(connection: &mut PgConnection) -> Result<Option<AuditHead>, BackupError> {
    let statement = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND c.relname = 'audit_seal' AND {OWN}"
    );
    let seals: Vec<String> = sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_all(&mut *connection)
        .await?;
    let [table] = seals.as_slice() else { return Ok(None) };
    let statement = format!("SELECT place, encode(hash, 'hex') FROM {table} ORDER BY place DESC LIMIT 1");
    let head: Option<(i64, String)> = sqlx::query_as(AssertSqlSafe(statement))
        .fetch_optional(connection)
        .await?;
    Ok(head.map(|(place, hash)| AuditHead { place, hash }))
}
