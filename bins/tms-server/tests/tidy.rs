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

/// Returns the files that may declare the module of `file`.
fn parents(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().unwrap();
    let beside = ["lib.rs", "main.rs"].map(|name| folder.join(name));
    beside.into_iter().chain([folder.with_extension("rs")]).collect()
}

/// The compiler never sees a file that no module names, and so nobody hears that it does not even compile.
#[test]
fn every_file_is_a_module_of_its_crate() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let mut faults = Vec::new();
    let is_module = |path: &Path| {
        path.components()
            .any(|part| part.as_os_str() == "src" || part.as_os_str() == "it")
    };
    for file in files.iter().filter(|file| is_module(file)) {
        let name = file.file_stem().unwrap().to_string_lossy();
        let folder = file.parent().unwrap();
        if ["lib", "main"].contains(&&*name) || folder.ends_with("src/bin") {
            continue;
        }
        let is_declared = |text: &str| {
            let named = |line: &str| line.trim().ends_with(&format!("mod {name};"));
            text.lines().any(named)
                || text.contains(&format!("\"{name}.rs\""))
                || text.contains(&format!("/{name}.rs\""))
        };
        let siblings = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let by_path = siblings.filter(|path| path.is_file() && path != file);
        let mut near = parents(file).into_iter().chain(by_path).filter(|path| path.exists());
        if !near.any(|path| is_declared(&fs::read_to_string(path).unwrap_or_default())) {
            faults.push(file.display().to_string());
        }
    }
    assert!(faults.is_empty(), "no module names\n{}", faults.join("\n"));
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
