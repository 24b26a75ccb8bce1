//! The API over memory stores and a clock that stands still. One binary, so that it links once.

mod agent;
mod alert;
mod auth;
mod bad_input;
mod customer;
mod enrollment_code;
mod health;
mod limit;
mod list;
mod maintenance;
mod matrix;
mod mount;
mod serve;
mod setting;
mod snapshot;
mod terminal;
mod world;
