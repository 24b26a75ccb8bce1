//! A batch of log lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tms_http::fuzzing::logs(bytes));
