//! Databases beside the present one: made, dropped, and put in its place by exchanging names.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tms_core::time::Timestamp;

use super::{PgDatabase, address::PgAddress};
use crate::{database::Swapped, error::BackupError};

/// What is known of the database that is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// It is not there.
    Missing,
    /// It has no tables.
    Empty,
    /// It has some.
    Full,
}

impl PgDatabase {
    pub(crate) async fn check_target(&self, replace: bool) -> Result<Target, BackupError> {
        let mut server = self.server().await?;
        let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(&self.address.database)
            .fetch_one(&mut server)
            .await?;
        server.close().await?;
        if !is_there {
            return Ok(Target::Missing);
        }
        let mut connection = super::open(&self.address).await?;
        let tables = super::tables(&mut connection).await?;
        connection.close().await?;
        match (tables.is_empty(), replace) {
            (true, _) => Ok(Target::Empty),
            (false, true) => Ok(Target::Full),
            (false, false) => Err(BackupError::NotEmpty(self.address.database.clone())),
        }
    }

    pub(crate) async fn swap(&self, beside: &PgAddress, replace: bool, now: Timestamp) -> Result<Swapped, BackupError> {
        let outcome = self.exchange(beside, replace, now).await;
        if outcome.is_err() {
            self.drop_database(&beside.database).await?;
        }
        outcome
    }

    async fn exchange(&self, beside: &PgAddress, replace: bool, now: Timestamp) -> Result<Swapped, BackupError> {
        let target = self.check_target(replace).await?;
        let name = &self.address.database;
        let mut server = self.server().await?;
        if target == Target::Missing {
            rename(&mut server, &beside.database, name).await?;
            return Ok(Swapped { former: None });
        }
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE datname = $1")
            .bind(name)
            .fetch_one(&mut server)
            .await?;
        if users > 0 {
            return Err(BackupError::InUse(format!("database {name} ({users} connections)")));
        }
        let former = self.beside("before", now);
        rename(&mut server, name, &former).await?;
        if let Err(error) = rename(&mut server, &beside.database, name).await {
            rename(&mut server, &former, name).await?;
            return Err(error);
        }
        server.close().await?;
        if target == Target::Empty {
            self.drop_database(&former).await?;
            return Ok(Swapped { former: None });
        }
        Ok(Swapped {
            former: Some(format!("database {former}")),
        })
    }

    pub(super) async fn create_database(&self, name: &str) -> Result<(), BackupError> {
        // From the empty template: another might have been added to.
        self.execute(format!("CREATE DATABASE {} TEMPLATE template0", quoted(name)))
            .await
    }

    pub(crate) async fn drop_database(&self, name: &str) -> Result<(), BackupError> {
        self.execute(format!("DROP DATABASE IF EXISTS {}", quoted(name))).await
    }

    async fn execute(&self, statement: String) -> Result<(), BackupError> {
        let mut server = self.server().await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut server).await?;
        Ok(server.close().await?)
    }

    /// Connects to the database that every server has.
    async fn server(&self) -> Result<PgConnection, BackupError> {
        Ok(PgConnection::connect_with(&self.address.named("postgres").options()?).await?)
    }
}

async fn rename(server: &mut PgConnection, from: &str, to: &str) -> Result<(), BackupError> {
    let statement = format!("ALTER DATABASE {} RENAME TO {}", quoted(from), quoted(to));
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(server).await?;
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
