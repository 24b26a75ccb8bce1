//! A list of terminals as a spreadsheet saves it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tms_http::fuzzing::csv(bytes));
