//! A cursor of a list.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tms_http::fuzzing::cursor(text));
