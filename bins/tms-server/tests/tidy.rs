//! The house rules that no compiler knows: files stay small and say what they are for, and the documents name what exists.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test panics to report a failure"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

const LONGEST: usize = 420;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn is_test(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/tests/") || text.contains("/testkit/") || text.ends_with("tests.rs")
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    assert!(files.len() > 100, "the walk found {} files only", files.len());
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        if code > LONGEST && !is_test(&file) {
            faults.push(format!("{}: {code} lines", file.display()));
        }
        if !text.starts_with("//!") && !is_test(&file) {
            faults.push(format!("{}: does not open with //!", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn documents_name_what_exists() {
    let root = root();
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let named = text.split('`').skip(1).step_by(2).filter(|name| {
            let roots = ["tms-", "bins/", "scripts/", "examples/", "benches/", "fuzz/"];
            name.contains('/')
                && !name.contains([' ', '{', '*', '<'])
                && roots.iter().any(|root| name.starts_with(root))
        });
        for name in named {
            assert!(
                root.join(name).exists(),
                "{document} names {name}, which does not exist"
            );
        }
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |kind: &str| {
        let folder = root().join("tms-storage/migrations").join(kind);
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("postgres"), names("sqlite"));
}
