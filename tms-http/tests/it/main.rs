//! The API over memory stores and a clock that stands still. One binary, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    clippy::semicolon_if_nothing_returned,
    reason = "a test that finds the unexpected should stop loudly, and a table is as long as it has to be"
)]

mod account;
mod agent;
mod alert;
mod alert_bulk;
mod alert_rule;
mod attack;
mod audit;
mod auth;
mod bad_input;
mod browser;
#[cfg(feature = "client")]
mod client;
mod console_account;
mod console_alert;
mod console_audit;
mod console_channel;
mod console_code;
mod console_customer;
mod console_dashboard;
mod console_matrix;
mod console_report;
mod console_setting;
mod console_sign_in;
mod console_terminal;
mod console_user;
mod console_words;
mod customer;
mod enrollment_code;
mod event;
mod health;
mod hsts;
mod limit;
mod list;
mod maintenance;
mod matrix;
mod mount;
mod notification;
mod openapi;
mod outbound;
mod repeated;
mod report;
mod scope;
mod serve;
mod setting;
mod snapshot;
mod terminal;
mod terminal_transfer;
mod user;
mod world;
