//! Replays the corpus of the fuzz targets: what once broke, or might, is read by every run of the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test panics to report a failure"
)]
#![cfg(feature = "fuzzing")]

use std::{fs, path::Path};

use tms_http::fuzzing;

fn replay(target: &str, read: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!files.is_empty(), "no corpus in {}", folder.display());
    for file in files {
        read(&fs::read(file).unwrap());
    }
}

fn text(read: impl Fn(&str)) -> impl Fn(&[u8]) {
    move |bytes| {
        if let Ok(text) = str::from_utf8(bytes) {
            read(text);
        }
    }
}

#[test]
fn bodies() {
    replay("heartbeat", fuzzing::heartbeat);
    replay("logs", fuzzing::logs);
    replay("csv", fuzzing::csv);
}

#[test]
fn short_texts() {
    replay("cursor", text(fuzzing::cursor));
    replay("serial_number", text(fuzzing::serial_number));
    replay("enrolment_code", text(fuzzing::enrolment_code));
    replay("token", text(fuzzing::token));
}
