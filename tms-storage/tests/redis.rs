//! PostgreSQL with Redis before it passes the conformance suite as PostgreSQL alone does, and Redis may be lost at any time.

#![cfg(feature = "redis")]
#![allow(
    unreachable_pub,
    reason = "nothing of a test is public; pub says what a module offers"
)]
#![allow(clippy::unwrap_used, reason = "a test that finds the unexpected stops loudly")]

#[path = "postgres/database.rs"]
mod database;
#[path = "redis/server.rs"]
mod server;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use database::Database;
use server::RedisServer;
use tms_core::{
    Stores,
    key::SecretKeys,
    limit::store::{LimitKind, LimitUse},
    operator::{NewSession, Profile},
    permission::Role,
    random::SystemRandom,
    testkit::{
        Fresh,
        build::{self, NOW, at},
        given,
    },
};
use tms_storage::{
    postgres::PgStore,
    redis::{Redis, RedisSettings},
};

/// A node: its stores, and what keeps its link to Redis.
struct Node {
    redis: Arc<Redis>,
    stores: Stores,
    nudges: Arc<AtomicU64>,
    link: tokio::task::JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.link.abort();
    }
}

impl Node {
    async fn of(database: &Database, server: &RedisServer, secret: &str) -> Self {
        let redis = Redis::new(&RedisSettings::new(server.url())).unwrap();
        let store = PgStore::connect(&database.settings()).unwrap();
        let stores = redis.before(&store, &SecretKeys::new(secret), Arc::new(SystemRandom));
        let nudges = Arc::new(AtomicU64::new(0));
        let (kept, heard) = (redis.clone(), nudges.clone());
        let link = tokio::spawn(async move {
            kept.run(|| {
                heard.fetch_add(1, Ordering::Relaxed);
            })
            .await;
        });
        let node = Self {
            redis,
            stores,
            nudges,
            link,
        };
        node.until_usable().await;
        node
    }

    async fn until_usable(&self) {
        until(|| self.redis.problem().is_none()).await;
    }

    fn hits(&self) -> u64 {
        self.redis.counts().session_hits
    }
}

async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
}

async fn fresh() -> Option<Fresh> {
    let server = RedisServer::start()?;
    let database = Database::migrated().await?;
    let node = Node::of(&database, &server, "the secret key of the tests").await;
    Some(Fresh::new(node.stores.clone(), (node, server, database)))
}

tms_core::store_conformance!(fresh);

const SECRET: &str = "the secret key of the tests";

/// A database, a Redis and two nodes.
async fn two_nodes() -> Option<(Node, Node, RedisServer, Database)> {
    let server = RedisServer::start()?;
    let database = Database::migrated().await?;
    let (a, b) = (
        Node::of(&database, &server, SECRET).await,
        Node::of(&database, &server, SECRET).await,
    );
    Some((a, b, server, database))
}

async fn signed_in(node: &Node) -> NewSession {
    let user = given::administrator(&node.stores, "alice").await;
    let session = build::session(user.id, 1);
    node.stores.sessions.begin(&session, NOW, build::act()).await.unwrap();
    session
}

/// Asks until the answer comes from Redis: what is kept is old soon.
async fn read_kept(node: &Node, session: &NewSession) {
    let before = node.hits();
    for _ in 0..1_000 {
        node.stores
            .sessions
            .find_by_access(session.tokens.access)
            .await
            .unwrap();
        if node.hits() > before {
            return;
        }
    }
    panic!("nothing was found in Redis");
}

#[tokio::test]
async fn what_one_node_changes_of_people_counts_on_the_other_at_once() {
    let Some((a, b, _server, _database)) = two_nodes().await else {
        return;
    };
    let session = signed_in(&a).await;
    let access = session.tokens.access;
    let read = async || {
        read_kept(&b, &session).await;
        b.stores.sessions.find_by_access(access).await.unwrap()
    };
    let (held, user) = read().await.unwrap();
    a.stores.sessions.prove(held.id, at(60)).await.unwrap();
    assert_eq!(read().await.unwrap().0.proven_at, at(60));
    let next = Profile {
        role: Role::Viewer,
        is_disabled: true,
        ..user.profile.clone()
    };
    let _governor = given::administrator(&a.stores, "governor").await;
    a.stores
        .users
        .save(user.id, &next, user.revision, build::act())
        .await
        .unwrap();
    assert_eq!(read().await.unwrap().1.profile, next);
    a.stores.sessions.revoke(held.id, build::act()).await.unwrap();
    assert!(read().await.unwrap().0.is_revoked);
    a.stores
        .sessions
        .rotate(held.id, session.tokens.refresh, &build::session_tokens(2), at(90))
        .await
        .unwrap();
    assert_eq!(b.stores.sessions.find_by_access(access).await.unwrap(), None);
}

/// As if the node that made the change had died before it could say so.
#[tokio::test]
async fn what_nobody_says_counts_within_a_second() {
    let Some((a, _b, _server, database)) = two_nodes().await else {
        return;
    };
    let session = signed_in(&a).await;
    let mut shell = database.shell().await;
    read_kept(&a, &session).await;
    sqlx::query("UPDATE operator_session SET is_revoked = true")
        .execute(&mut shell)
        .await
        .unwrap();
    let began = std::time::Instant::now();
    loop {
        let (seen, _) = a
            .stores
            .sessions
            .find_by_access(session.tokens.access)
            .await
            .unwrap()
            .unwrap();
        if seen.is_revoked {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "still in force after a second"
        );
    }
}

#[tokio::test]
async fn who_reads_redis_learns_nothing_and_who_writes_it_becomes_nobody() {
    let Some((a, b, server, database)) = two_nodes().await else {
        return;
    };
    let session = signed_in(&a).await;
    let other = given::administrator(&a.stores, "mallory").await;
    let others = build::session(other.id, 2);
    a.stores.sessions.begin(&others, NOW, build::act()).await.unwrap();
    let name = |session: &NewSession| {
        use std::fmt::Write as _;
        let mut name = "tms:session:".to_owned();
        for byte in session.tokens.access.0 {
            write!(name, "{byte:02x}").unwrap();
        }
        name
    };
    let (own, foreign) = (name(&session), name(&others));
    read_kept(&a, &session).await;
    let (held, user) = a
        .stores
        .sessions
        .find_by_access(session.tokens.access)
        .await
        .unwrap()
        .unwrap();
    read_kept(&a, &session).await;
    let kept = server.command(&["GET", &own]);
    assert!(!kept.is_empty(), "something is kept");
    for secret in [user.username.as_str(), "full_name", "admin"] {
        assert!(!kept.contains(secret), "{secret} can be read");
    }
    // What is kept of one sign-in opens no other, whatever is written over it.
    server.command(&["COPY", &own, &foreign, "REPLACE"]);
    let read = async |node: &Node, session: &NewSession| {
        node.stores
            .sessions
            .find_by_access(session.tokens.access)
            .await
            .unwrap()
            .unwrap()
            .1
            .id
    };
    assert_eq!(read(&b, &others).await, other.id);
    for forged in ["", "x", "{}"] {
        server.command(&["SET", &own, forged]);
        assert_eq!(read(&b, &session).await, held.user);
        server.command(&["SET", "tms:people", forged]);
        assert_eq!(read(&b, &session).await, held.user);
    }
    server.command(&["SADD", "tms:people2", "x"]);
    server.command(&["RENAME", "tms:people2", "tms:people"]);
    assert_eq!(read(&b, &session).await, held.user, "a name of another type");
    assert!(b.redis.problem().is_none(), "a refusal is not the loss of Redis");
    let stranger = Node::of(&database, &server, "another installation").await;
    let before = stranger.hits();
    assert_eq!(read(&stranger, &session).await, held.user);
    assert_eq!(stranger.hits(), before, "what another key has sealed is not read");
}

fn taken(key: i64) -> [LimitUse; 1] {
    [LimitUse {
        kind: LimitKind::SignIn,
        key,
        used_micros: 1_000_000,
    }]
}

/// Whatever happens to Redis, what it did goes on, and it is used again when it can be.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one Redis is lost in one way after another")]
async fn redis_may_be_lost_in_any_way_at_any_time() {
    let Some((a, b, mut server, _database)) = two_nodes().await else {
        return;
    };
    let session = signed_in(&a).await;
    let works = async |node: &Node| {
        let full = node.stores.limits.charge(&taken(7), NOW).await.unwrap();
        assert!(full[0] > NOW);
        let found = node
            .stores
            .sessions
            .find_by_access(session.tokens.access)
            .await
            .unwrap();
        assert!(found.is_some());
    };
    works(&a).await;
    assert_eq!(server.command(&["ZCARD", "tms:limits"]), "1");

    // Flushed: nothing is even noticed.
    server.command(&["FLUSHALL"]);
    works(&a).await;
    works(&b).await;
    assert!(a.redis.problem().is_none());

    // Killed, and started again, empty.
    server.kill();
    for node in [&a, &b] {
        works(node).await;
        assert!(node.redis.problem().is_some());
    }
    assert_eq!(a.stores.limits.charge(&taken(8), NOW).await.unwrap(), [at(1)]);
    assert_eq!(
        b.stores.limits.charge(&taken(8), NOW).await.unwrap(),
        [at(2)],
        "both count in the database"
    );
    server.again();
    for node in [&a, &b] {
        node.until_usable().await;
        works(node).await;
    }

    // Full, or following another: it answers, and is of no use.
    for (spoil, repair) in [
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
        (["REPLICAOF", "127.0.0.1", "1", ""], ["REPLICAOF", "NO", "ONE", ""]),
    ] {
        let said = |all: [&'static str; 4]| all.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
        assert_eq!(server.command(&said(spoil)), "OK");
        works(&a).await;
        until(|| a.redis.problem().is_some() && b.redis.problem().is_some()).await;
        works(&b).await;
        assert_eq!(server.command(&said(repair)), "OK");
        for node in [&a, &b] {
            node.until_usable().await;
            works(node).await;
        }
    }

    // Silent: the first who asks waits a moment, and nobody after that.
    server.signal("STOP");
    let began = std::time::Instant::now();
    for _ in 0..50 {
        works(&a).await;
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(a.redis.problem().is_some());
    server.signal("CONT");
    a.until_usable().await;
    works(&a).await;
    assert!(a.redis.counts().losses >= 4);
}

#[tokio::test]
async fn events_of_one_node_nudge_the_others_and_many_at_a_time_are_one() {
    let Some((a, b, mut server, _database)) = two_nodes().await else {
        return;
    };
    let before = b.nudges.load(Ordering::Relaxed);
    given::customer(&a.stores, "without events").await;
    a.stores
        .customers
        .insert(&build::customer("ABC"), NOW, build::act_with_event(1))
        .await
        .unwrap();
    until(|| b.nudges.load(Ordering::Relaxed) > before).await;
    for n in 0..100 {
        let draft = build::customer(&format!("customer {n}"));
        a.stores
            .customers
            .insert(&draft, NOW, build::act_with_event(n))
            .await
            .unwrap();
    }
    let counts = a.redis.counts();
    assert!((1..=90).contains(&counts.nudges_sent), "{counts:?}");
    server.kill();
    until(|| b.redis.problem().is_some()).await;
    let before = b.nudges.load(Ordering::Relaxed);
    server.again();
    b.until_usable().await;
    until(|| b.nudges.load(Ordering::Relaxed) > before).await;
}

/// A managed Redis asks for a password and speaks TLS.
#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "a certificate, a server and two clients have many settings"
)]
async fn a_password_and_tls_are_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .current_dir(folder.path())
        .output();
    assert!(openssl.unwrap().status.success());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let Some(_server) = RedisServer::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("cert.pem"),
        "--tls-key-file",
        &file("key.pem"),
        "--tls-auth-clients",
        "no",
        "--user",
        "tms",
        "on",
        ">s3cret",
        "~tms:*",
        "&tms:*",
        "+@all",
    ]) else {
        return;
    };
    let pem = std::fs::read_to_string(file("cert.pem")).unwrap();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let linked = async |login: &str, authorities: Option<&String>| {
        let redis = Redis::new(&RedisSettings {
            authorities: authorities.cloned(),
            ..RedisSettings::new(format!("rediss://{login}@localhost:{port}"))
        })
        .unwrap();
        tokio::select! {
            () = redis.run(|| {}) => None,
            () = until(|| redis.problem().as_deref() != Some("not connected yet")) => redis.problem(),
        }
    };
    assert_eq!(linked("tms:s3cret", Some(&pem)).await, None);
    for problem in [linked("tms:wrong", Some(&pem)).await, linked("tms:s3cret", None).await] {
        let problem = problem.unwrap();
        assert!(!problem.contains("s3cret") && !problem.contains("wrong@"), "{problem}");
    }
}
