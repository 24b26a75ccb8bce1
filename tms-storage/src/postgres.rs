//! The ports on PostgreSQL 13 and later. Start at [`PgStore`]; migrations are applied by [`migrate`] only.

mod alert;
mod alert_apply;
mod application_role;
mod cells;
mod credential;
mod customer;
mod enrolment;
mod envelope;
mod error;
mod event;
mod heartbeat;
mod heartbeat_write;
mod lease;
mod listing;
mod maintenance;
mod migrate;
mod operator;
mod partition;
mod pool;
mod presence;
mod presence_bytes;
mod presence_cache;
mod presence_due;
mod presence_row;
mod redeem;
mod settings;
mod settings_document;
mod status_change;
mod terminal;
mod terminal_list;
mod terminal_log;
mod time;
mod upkeep;

pub use migrate::{MigrateError, MigrationReport, migrate, migration_plan};
pub use pool::PgStore;
pub use settings::{ConnectError, PgSettings};
