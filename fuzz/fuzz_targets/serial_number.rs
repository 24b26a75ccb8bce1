//! A serial number.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tms_http::fuzzing::serial_number(text));
