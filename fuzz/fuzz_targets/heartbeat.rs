//! The body of a heartbeat.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tms_http::fuzzing::heartbeat(bytes));
