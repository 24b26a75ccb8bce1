//! Databases for tests: one each, copied from a template that is migrated once for all processes of a run.
#![allow(dead_code, reason = "each test program uses what it needs")]

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tms_storage::postgres::{self, PgSettings};

/// A database that is dropped with this value.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Copies the migrated template; `None` when there is no server to test with.
    pub async fn migrated() -> Option<Self> {
        let server = server()?;
        let template = template(&server).await;
        Some(Self::create(server, &format!("TEMPLATE {template}")).await)
    }

    /// Makes a database without tables.
    pub async fn empty() -> Option<Self> {
        Some(Self::create(server()?, "").await)
    }

    async fn create(server: String, how: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tms_case_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let mut admin = PgConnection::connect(&server).await.unwrap();
        run(&mut admin, format!("CREATE DATABASE {name} {how}")).await;
        Self { server, name }
    }

    /// Returns settings of this database, as its owner.
    pub fn settings(&self) -> PgSettings {
        let (base, _) = self.server.rsplit_once('/').unwrap();
        PgSettings {
            max_connections: 5,
            heartbeat_connections: 3,
            // A slow machine is no fault of the store.
            acquire_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(60),
            ..PgSettings::new(format!("{base}/{}", self.name))
        }
    }

    /// Returns settings of this database, as `role`.
    pub fn settings_as(&self, role: &str) -> PgSettings {
        let settings = self.settings();
        let (scheme, rest) = settings.url.expose().split_once("://").unwrap();
        let (_, host) = rest.rsplit_once('@').unwrap();
        PgSettings {
            url: tms_core::secret::Secret::new(format!("{scheme}://{role}@{host}")),
            ..settings
        }
    }

    /// Connects as a person with a shell does.
    pub async fn shell(&self) -> PgConnection {
        PgConnection::connect(self.settings().url.expose()).await.unwrap()
    }

    /// Connects as `role`.
    pub async fn shell_as(&self, role: &str) -> PgConnection {
        PgConnection::connect(self.settings_as(role).url.expose())
            .await
            .unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // The runtime of the test may be gone already.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&server).await.unwrap();
                run(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
            });
        });
        let _ = dropping.join();
    }
}

async fn run(admin: &mut PgConnection, sql: String) {
    sqlx::query(AssertSqlSafe(sql)).execute(admin).await.unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where a server is"
)]
fn server() -> Option<String> {
    if let Ok(url) = std::env::var("TMS_TEST_POSTGRES_URL") {
        return Some(url);
    }
    let is_required = std::env::var("TMS_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
    assert!(
        !is_required,
        "TMS_REQUIRE_POSTGRES=1, but TMS_TEST_POSTGRES_URL names no server"
    );
    eprintln!("skipped: TMS_TEST_POSTGRES_URL names no server (see scripts/postgres)");
    None
}

/// Makes the template unless another process has; it is named by what the migrations say.
async fn template(server: &str) -> String {
    let name = format!("tms_template_{:016x}", fingerprint());
    let mut admin = PgConnection::connect(server).await.unwrap();
    run(&mut admin, "SELECT pg_advisory_lock(742001)".to_owned()).await;
    let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    if !is_there {
        let (base, _) = server.rsplit_once('/').unwrap();
        let making = format!("{name}_making");
        run(&mut admin, format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).await;
        run(&mut admin, format!("CREATE DATABASE {making}")).await;
        postgres::migrate(&PgSettings::new(format!("{base}/{making}")))
            .await
            .unwrap();
        run(&mut admin, format!("ALTER DATABASE {making} RENAME TO {name}")).await;
    }
    admin.close().await.unwrap();
    name
}

fn fingerprint() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}
