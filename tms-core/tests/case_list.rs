//! The list of conformance cases is complete: every case that is written is run, every case that a port names exists.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Reads `area::case` from the list in the macro.
fn listed() -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{SOURCES}/testkit/conformance.rs")).unwrap();
    let (_, list) = text.split_once("@cases $fresh;").unwrap();
    let (list, _) = list.split_once('}').unwrap();
    let mut names = BTreeSet::new();
    for group in list.split(';').filter(|group| group.contains(':')) {
        let (area, cases) = group.split_once(':').unwrap();
        for case in cases.split(',') {
            let name = format!("{}::{}", area.trim(), case.trim());
            assert!(names.insert(name.clone()), "{name} is listed twice");
        }
    }
    // Blobs have a list of their own, beside their cases.
    let text = fs::read_to_string(format!("{SOURCES}/testkit/conformance/blob.rs")).unwrap();
    let (_, list) = text.split_once("@cases $fresh;").unwrap();
    let (list, _) = list.split_once('}').unwrap();
    names.extend(list.split(',').map(|case| format!("blob::{}", case.trim())));
    names
}

/// Finds the cases that are written; a folder belongs to the area that it is named after.
fn written() -> BTreeSet<String> {
    let root = Path::new(SOURCES).join("testkit/conformance");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let area = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let text = fs::read_to_string(&file).unwrap();
        let cases = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
        for case in cases.filter_map(|case| {
            case.strip_suffix("(stores: &Stores) {")
                .or_else(|| case.strip_suffix("(fresh: &FreshBlobs) {"))
        }) {
            names.insert(format!("{area}::{case}"));
        }
    }
    names
}

/// Finds the cases that docs name as "case `area::name`".
fn promised() -> BTreeSet<String> {
    let mut files = Vec::new();
    rust_files(Path::new(SOURCES), &mut files);
    let mut names = BTreeSet::new();
    for file in files.iter().filter(|file| {
        file.iter()
            .any(|part| part == "store" || part == "store.rs" || part == "lease.rs")
    }) {
        let text = fs::read_to_string(file).unwrap().replace("\n    /// ", " ");
        let quoted = text.split('`').skip(1).step_by(2);
        let areas = [
            "customer",
            "terminal",
            "enrolment",
            "credential",
            "heartbeat",
            "presence",
            "alert",
            "terminal_log",
            "maintenance",
            "metric",
            "user",
            "session",
            "api_token",
            "second_factor",
            "password_link",
            "guess",
            "report",
            "settings",
            "event",
            "idempotency",
            "lease",
            "limit",
            "upkeep",
            "envelope",
            "audit",
            "blob",
        ];
        names.extend(
            quoted
                .filter(|name| {
                    let area = name.split_once("::").map(|(area, _)| area);
                    area.is_some_and(|area| areas.contains(&area)) && !name.contains(' ')
                })
                .map(str::to_owned),
        );
    }
    names
}

#[test]
fn every_case_that_is_written_is_listed() {
    assert_eq!(listed(), written());
}

#[test]
fn every_case_that_a_port_names_is_listed() {
    let promised = promised();
    assert!(
        promised.len() > 20,
        "the docs of the ports name their cases: {promised:?}"
    );
    let missing: Vec<_> = promised.difference(&listed()).cloned().collect();
    assert!(missing.is_empty(), "{missing:?}");
}
