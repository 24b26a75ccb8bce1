//! Every adapter against stand-ins that speak the protocols of AWS, and every fault that a network has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test panics to report a failure"
)]

mod faults;
mod faulty;
mod logs;
mod metrics;
mod s3;
mod secrets;
mod sns;
mod stand_in;
mod static_files;
