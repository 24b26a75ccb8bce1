//! The message files: the same keys in each language, each used, none missing, with the same values.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use tms_core::{
    alert::{AlertState, Cause, Severity},
    audit::{AuditResult, verify::FindingKind},
    customer::ContractType,
    notification::{Language, MailSecurity},
    permission::Role,
    presence::{Link, Status},
    report::{Granularity, Period},
    terminal::Lifecycle,
};

/// What the facts of alerts are called.
const FACTS: [&str; 10] = [
    "last_heartbeat",
    "deadline",
    "error_code",
    "value",
    "threshold",
    "duration_s",
    "reason",
    "due",
    "connected",
    "held_s",
];

/// What entries of the audit trail are about.
const TARGETS: [&str; 12] = [
    "agent_token",
    "alert",
    "api_token",
    "customer",
    "enrolment_code",
    "maintenance",
    "notification_channel",
    "second_factor",
    "session",
    "settings",
    "terminal",
    "user",
];

/// Returns what is audited, as a reader chooses among it.
fn acts() -> Vec<String> {
    let file = sources(&["src/console/audit"]);
    let list = file
        .split_once("ACTS: &[&str] = &[")
        .unwrap()
        .1
        .split_once("];")
        .unwrap()
        .0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The parts of the form of settings.
const SECTIONS: [&str; 4] = ["presence", "retention", "security", "reports"];

type Catalog = BTreeMap<String, String>;

fn read(file: &str) -> Catalog {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let mut catalog = Catalog::new();
    flatten("", text.parse().unwrap(), &mut catalog);
    catalog
}

fn flatten(prefix: &str, table: toml::Table, catalog: &mut Catalog) {
    for (key, value) in table {
        let key = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            toml::Value::Table(table) => flatten(&key, table, catalog),
            toml::Value::String(text) => drop(catalog.insert(key, text)),
            other => panic!("{key}: {other}"),
        }
    }
}

/// Returns the texts of all files in these folders.
fn sources(folders: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    let mut folders: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

/// Names that are put together: a family, and what stands behind it.
fn families() -> BTreeMap<&'static str, Vec<String>> {
    fn all<T: std::fmt::Display>(values: &[T]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }
    let crossed = [
        Cause::HighCpu,
        Cause::HighMemory,
        Cause::HighDisk,
        Cause::HighTemperature,
        Cause::ClockSkew,
    ];
    let told = [&[Cause::Offline, Cause::DeviceError][..], &crossed].concat();
    BTreeMap::from([
        ("role", all(Role::ALL)),
        ("theme", all(&["auto", "light", "dark"])),
        ("status", all(Status::ALL)),
        ("link", all(Link::ALL)),
        ("device", all(&["ok", "error", "absent", "unknown"])),
        ("lifecycle", all(Lifecycle::ALL)),
        ("severity", all(Severity::ALL)),
        ("alert_state", all(AlertState::ALL)),
        ("permission", all(tms_core::permission::Permission::ALL)),
        ("span_name", all(&["1h", "6h", "24h", "7d", "30d", "90d"])),
        ("alert.title", all(Cause::ALL)),
        ("alert.plain", all(Cause::ALL)),
        ("alert.message", all(&told)),
        ("alerts.show", all(&["unresolved", "resolved", "all"])),
        ("alerts.fact", all(&FACTS)),
        ("audit.did", acts()),
        ("audit.kind", all(&TARGETS)),
        ("audit.is", all(AuditResult::ALL)),
        ("audit.finding", all(FindingKind::ALL)),
        ("contract_type", all(ContractType::ALL)),
        ("report.piece", all(Granularity::ALL)),
        ("report.by", all(Granularity::ALL)),
        ("report.period", all(Period::ALL)),
        ("settings.section", all(&SECTIONS)),
        ("settings.section_help", all(&SECTIONS)),
        ("codes.is", all(&["usable", "used_up", "expired", "withdrawn"])),
        ("channels.kinds", all(&["mail", "web_hook", "slack", "sns"])),
        ("channels.is", all(&["works", "fails", "unused", "off"])),
        ("channels.security", all(MailSecurity::ALL)),
        ("channels.language", all(Language::ALL)),
        ("error.title", all(&[400, 403, 404, 405, 409, 412, 429, 500, 503])),
        ("error.advice", all(&[400, 403, 404, 405, 409, 412, 429, 500, 503])),
    ])
}

fn places(text: &str) -> BTreeSet<String> {
    text.split('{')
        .skip(1)
        .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
        .collect()
}

#[test]
fn each_language_says_the_same() {
    let (english, japanese) = (read("messages/en.toml"), read("messages/ja.toml"));
    let keys = |catalog: &Catalog| catalog.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        keys(&english),
        keys(&japanese),
        "a key is missing in one of the languages"
    );
    for (key, text) in &english {
        assert_eq!(places(text), places(&japanese[key]), "the values of {key} differ");
        assert!(
            !text.trim().is_empty() && !japanese[key].trim().is_empty(),
            "{key} says nothing"
        );
    }
    for (pattern, text) in read("messages/faults.ja.toml") {
        assert!(places(&text).is_subset(&places(&pattern)), "{pattern}");
    }
}

#[test]
fn each_key_is_used_and_each_used_one_is_there() {
    let (english, everything) = (read("messages/en.toml"), sources(&["src", "templates"]));
    let pages = sources(&["src/console", "templates"]);
    let made: BTreeSet<String> = families()
        .iter()
        .flat_map(|(family, names)| names.iter().map(move |name| format!("{family}.{name}")))
        .chain(
            english
                .keys()
                .filter(|key| key.starts_with("field.") || key.starts_with("permission."))
                .cloned(),
        )
        .collect();
    let missing: Vec<_> = made.iter().filter(|key| !english.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for key in english.keys() {
        assert!(
            made.contains(key) || everything.contains(&format!("\"{key}\"")),
            "{key} is used nowhere"
        );
    }
    let words = pages.split('"');
    let is_key = |word: &&str| {
        let (family, rest) = word.split_once('.').unwrap_or_default();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.');
        let known = english.keys().any(|key| key.starts_with(&format!("{family}.")));
        known && !rest.is_empty() && !family.is_empty() && word.bytes().all(plain)
    };
    let acts: BTreeSet<String> = acts().into_iter().collect();
    let suspects: BTreeSet<_> = words.filter(is_key).collect();
    // Names of permissions and acts, and files, look like keys.
    let others = |word: &str| {
        [".html", ".css", ".js", ".svg", ".read", ".write", ".csv", ".toml"]
            .iter()
            .any(|end| word.ends_with(end))
    };
    for word in suspects {
        assert!(
            others(word) || acts.contains(word) || english.contains_key(word) || families().contains_key(word),
            "{word} is missing"
        );
    }
    for name in field_names(&pages) {
        assert!(
            english.contains_key(&format!("field.{name}")),
            "field.{name} is missing"
        );
    }
}

/// Returns the names of the fields that templates make with the macros of `form.html`.
fn field_names(sources: &str) -> BTreeSet<String> {
    let calls = sources.split("call form_::").skip(1);
    // What somebody else has written is no field of its own.
    let calls = calls.filter(|call| !call.starts_with("theirs"));
    calls
        .filter_map(|call| {
            let (head, _) = call.split_once('}')?;
            let name = head.split('"').nth(1)?;
            Some(name.to_owned())
        })
        .collect()
}
