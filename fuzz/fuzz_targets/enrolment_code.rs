//! An enrolment code as typed.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tms_http::fuzzing::enrolment_code(text));
