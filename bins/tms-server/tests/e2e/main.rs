//! The real binary over a real store: what only a process of its own, a kill and a second node can show.
//!
//! The cases on PostgreSQL need a durable cluster named by `TMS_TEST_POSTGRES_REAL_URL` (superuser); without it they
//! say so and pass, unless `TMS_REQUIRE_POSTGRES` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test panics to report a failure"
)]

mod attack;
mod audit;
#[cfg(feature = "aws")]
mod aws;
mod backup;
mod backup_equal;
mod check;
mod collect_static;
mod commands;
mod crash;
mod events;
mod outage;
mod redaction;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
#[path = "../../../../tms-storage/tests/redis/server.rs"]
mod redis_server;
mod server;
mod slow;
mod transfer;
mod two_nodes;
mod verify;
