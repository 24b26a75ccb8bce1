//! Brings the schema up to date: forward only, under an advisory lock, by a role that owns it.

use std::{borrow::Cow, collections::BTreeSet};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection,
    migrate::{Migrate, Migration, Migrator},
};
use tms_core::time::{Clock, SystemClock};

use super::{
    application_role,
    error::Fault,
    partition::ensure_around,
    settings::{ConnectError, PgSettings, quoted},
};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// What a migration has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// The steps that were applied now, such as `0001 customer`; empty when the schema was up to date.
    pub applied: Vec<String>,
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The settings can't be read.
    #[error(transparent)]
    Settings(#[from] ConnectError),
    /// The database can't be reached or refused a statement.
    #[error("the database refused")]
    Database(#[from] sqlx::Error),
    /// A step failed, or what was applied is not what this release knows.
    #[error("a step of the migration failed")]
    Step(#[from] sqlx::migrate::MigrateError),
}

impl From<Fault> for MigrateError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => Self::Database(error),
            other => Self::Database(sqlx::Error::Protocol(tms_core::StoreError::from(other).to_string())),
        }
    }
}

/// Applies the missing steps, makes the partitions of these days, and grants the application role what it needs.
/// Applied again, it only makes sure.
///
/// # Errors
/// [`MigrateError`]; each step is a transaction of its own, so that a failed one leaves no trace.
pub async fn migrate(settings: &PgSettings) -> Result<MigrationReport, MigrateError> {
    let migrator = migrator(settings)?;
    let mut connection = settings.options()?.connect().await?;
    let missing = missing(&mut connection, settings).await?;
    migrator.run_direct(None, &mut connection, false).await?;
    ensure_around(&mut connection, SystemClock.now()).await?;
    if let Some(role) = &settings.application_role {
        if let Some(password) = &settings.application_password {
            application_role::ensure(&mut connection, role, password).await?;
        }
        grant(&mut connection, settings, role).await?;
    }
    connection.close().await?;
    Ok(MigrationReport { applied: missing })
}

/// Returns the names of the steps that [`migrate`] would apply.
///
/// # Errors
/// [`MigrateError`] when the database can't be asked.
pub async fn migration_plan(settings: &PgSettings) -> Result<Vec<String>, MigrateError> {
    quoted(&settings.migrations_table)?;
    let mut connection = settings.options()?.connect().await?;
    let missing = missing(&mut connection, settings).await?;
    connection.close().await?;
    Ok(missing)
}

/// Returns the version of the last step that this release knows.
pub(super) fn newest_version() -> i64 {
    versions().max().unwrap_or(0)
}

/// Returns the versions of all steps.
pub(super) fn versions() -> impl Iterator<Item = i64> {
    MIGRATIONS.iter().map(|step| step.version)
}

fn migrator(settings: &PgSettings) -> Result<Migrator, ConnectError> {
    quoted(&settings.migrations_table)?;
    let mut migrator = Migrator {
        migrations: Cow::Borrowed(&MIGRATIONS.migrations),
        // A newer release may have been here before.
        ignore_missing: true,
        ..Migrator::DEFAULT
    };
    migrator.dangerous_set_table_name(settings.migrations_table.clone());
    if let Some(schema) = &settings.schema {
        migrator.create_schema(schema.clone());
    }
    Ok(migrator)
}

async fn missing(connection: &mut PgConnection, settings: &PgSettings) -> Result<Vec<String>, MigrateError> {
    let table = &settings.migrations_table;
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(table)
        .fetch_one(&mut *connection)
        .await?;
    let applied: BTreeSet<i64> = if is_there {
        let applied = connection.list_applied_migrations(table).await?;
        applied.into_iter().map(|step| step.version).collect()
    } else {
        BTreeSet::new()
    };
    let name = |step: &Migration| format!("{:04} {}", step.version, step.description);
    Ok(MIGRATIONS
        .iter()
        .filter(|step| !applied.contains(&step.version))
        .map(name)
        .collect())
}

/// Lets the application role do what a server does, and no more.
async fn grant(connection: &mut PgConnection, settings: &PgSettings, role: &str) -> Result<(), MigrateError> {
    let role = quoted(role)?;
    let schema: String = match &settings.schema {
        Some(schema) => quoted(schema)?,
        None => {
            sqlx::query_scalar("SELECT quote_ident(current_schema())")
                .fetch_one(&mut *connection)
                .await?
        }
    };
    let table = quoted(&settings.migrations_table)?;
    let statements = format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
         GRANT EXECUTE ON FUNCTION tms_ensure_partitions(date, date), tms_drop_partitions(text, date),
             tms_drop_audit(timestamptz, bigint), tms_trim_audit(bigint, bigint) TO {role};
         REVOKE UPDATE, DELETE, TRUNCATE ON audit_entry, audit_seal, audit_checkpoint FROM {role};
         REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table}, history_table FROM {role};"
    );
    connection.execute(AssertSqlSafe(statements)).await?;
    Ok(())
}
