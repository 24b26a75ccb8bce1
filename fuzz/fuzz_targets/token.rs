//! A token as presented.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tms_http::fuzzing::token(text));
