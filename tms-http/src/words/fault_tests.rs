//! What services can find wrong has a Japanese text, or is said to programs only.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Locale, Words};

/// Said to programs only.
const EXEMPT: &str = include_str!("said_in_english.txt");

/// Where a message begins: what is behind it, up to the closing parenthesis, ends with the message.
const BEGINNINGS: [&str; 4] = [".add(", "InvalidText(", "Conflict(", "single("];

/// Returns the sources of the services without their tests and comments.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tms-core/src");
    let (mut text, mut folders) = (String::new(), vec![root]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("testkit") || name.ends_with("_tests.rs") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(path).unwrap();
            let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
            for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// Returns the string literals of the last argument, up to the parenthesis that closes.
fn literals(arguments: &str) -> Vec<String> {
    let (mut found, mut depth) = (Vec::new(), 1_usize);
    let mut letters = arguments.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                let mut literal = String::new();
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    if letter != '\\' {
                        literal.push(letter);
                    } else if letters.peek() == Some(&'\n') {
                        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
                    } else {
                        literal.extend(letters.next());
                    }
                }
                found.push(literal);
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 => {
                while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
                // A comma may stand behind the last argument too.
                if letters.peek() != Some(&')') {
                    found.clear();
                }
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// Fills the places of a message.
fn filled(message: &str) -> String {
    let mut parts = message.split('{');
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text.push('7');
        text.push_str(part.split_once('}').unwrap().1);
    }
    text
}

#[test]
fn what_services_find_wrong_has_a_japanese_text() {
    let sources = sources();
    let behind = BEGINNINGS.iter().flat_map(|begin| sources.split(begin).skip(1));
    let messages: BTreeSet<String> = behind
        .flat_map(literals)
        .filter(|literal| literal.contains(' ') && literal.contains(|c: char| c.is_ascii_lowercase()))
        .map(|literal| filled(&literal))
        .collect();
    assert!(messages.len() > 60, "{messages:?}");
    let unsaid = messages
        .iter()
        .filter(|message| Words(Locale::Japanese).fault(message).is_ascii());
    let unsaid: BTreeSet<&str> = unsaid.map(String::as_str).collect();
    let exempt: BTreeSet<&str> = EXEMPT.lines().filter(|line| !line.starts_with('#')).collect();
    let new: Vec<_> = unsaid.difference(&exempt).collect();
    assert!(new.is_empty(), "without a text in messages/faults.ja.toml: {new:?}");
    let gone: Vec<_> = exempt.difference(&unsaid).collect();
    assert!(gone.is_empty(), "no longer needed in said_in_english.txt: {gone:?}");
}
