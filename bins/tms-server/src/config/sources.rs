//! Where configuration comes from, merged into one map of names and texts.

use std::{collections::BTreeMap, path::Path};

use super::Faults;

/// The keys that exist. `..._FILE` of each names a file that has the value, `..._SECRET` a secret in Secrets Manager.
pub const KEYS: &[&str] = &[
    "ALLOWED_HOSTS",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "DATABASE_URL",
    "DB_HOST",
    "DB_NAME",
    "DB_PASSWORD",
    "DB_PORT",
    "DB_SSLMODE",
    "DB_SSLROOTCERT",
    "DB_USER",
    "REDIS_CA",
    "REDIS_HOST",
    "REDIS_PASSWORD",
    "REDIS_PORT",
    "REDIS_TLS",
    "REDIS_URL",
    "REDIS_USER",
    "RUST_LOG",
    "S3_BUCKET",
    "SECRET_KEY",
    "SECRET_KEY_PREVIOUS",
    "STATIC_URL",
    "TMS_BACKUP_DIR",
    "TMS_BACKUP_KEEP_DAYS",
    "TMS_BACKUP_PUBLIC_KEY",
    "TMS_CLOUDWATCH_EVERY_S",
    "TMS_CLOUDWATCH_LOGS",
    "TMS_CLOUDWATCH_METRICS",
    "TMS_CONFIG",
    "TMS_DATA_DIR",
    "TMS_DB_APP_PASSWORD",
    "TMS_DB_APP_ROLE",
    "TMS_DB_CONNECTIONS",
    "TMS_DB_SCHEMA",
    "TMS_DEFAULT_INTERVAL_S",
    "TMS_DEMO",
    "TMS_DRAIN_S",
    "TMS_HSTS_S",
    "TMS_INGEST_LANES",
    "TMS_INSTALLATION",
    "TMS_LISTEN",
    "TMS_LOG_DIR",
    "TMS_LOG_FORMAT",
    "TMS_LOST_GRACE_S",
    "TMS_MAX_CONNECTIONS",
    "TMS_METRICS_TOKEN",
    "TMS_NODE",
    "TMS_POSTGRES_BIN",
    "TMS_PUBLIC_URL",
    "TMS_RATE_LIMITS",
    "TMS_PRIVATE_WEB_HOOKS",
    "TMS_S3_PATH_STYLE",
    "TMS_STORE",
    "TMS_TRUSTED_PROXIES",
    "TMS_VERIFY_CODE",
    "TMS_VERIFY_PASSWORD",
    "TMS_VERIFY_TOKEN",
    "TMS_VERIFY_USERNAME",
];

/// Names in the environment that other programs of the project read.
const FOREIGN: &[&str] = &["TMS_TEST_", "TMS_REQUIRE_", "TMS_SIM_", "TMS_PG_", "TMS_BENCH_"];

/// Names and texts from all sources, the strongest already chosen.
#[derive(Debug, Default)]
pub struct Sources {
    /// The chosen texts.
    pub values: BTreeMap<String, String>,
    /// What was wrong on the way.
    pub faults: Vec<String>,
}

impl Sources {
    /// Reads the process's environment, `.env` and the configuration file.
    ///
    /// # Errors
    /// [`Faults`] when a file that was named can't be read at all.
    pub fn of_process(overrides: &[(&'static str, String)]) -> Result<Self, Faults> {
        let flag = |key: &str| {
            overrides
                .iter()
                .find(|(known, _)| *known == key)
                .map(|(_, value)| value.clone())
        };
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = flag("TMS_CONFIG").or_else(|| {
            environment
                .iter()
                .find(|(key, _)| key == "TMS_CONFIG")
                .map(|(_, value)| value.clone())
        });
        let mut sources = Self::default();
        sources.add_toml(named.as_deref())?;
        if let Ok(text) = std::fs::read_to_string(".env") {
            sources.add_env(parse_dot_env(&text), ".env");
        }
        sources.add_env(environment, "the environment");
        for (key, value) in overrides {
            sources.values.insert((*key).to_owned(), value.clone());
        }
        sources.resolve_files();
        sources.resolve_secrets();
        Ok(sources)
    }

    /// Takes pairs as if they were the environment.
    #[cfg(test)]
    pub fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        let mut sources = Self::default();
        sources.add_env(
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            "a test",
        );
        sources.resolve_files();
        sources.resolve_secrets();
        sources
    }

    fn add_toml(&mut self, named: Option<&str>) -> Result<(), Faults> {
        let path = Path::new(named.unwrap_or("tms.toml"));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(_) if named.is_none() => return Ok(()),
            Err(error) => return Err(Faults(vec![format!("{}: {error}", path.display())])),
        };
        let table: toml::Table = text
            .parse()
            .map_err(|error| Faults(vec![format!("{}: {error}", path.display())]))?;
        for (key, value) in table {
            let Some(name) = known_name(&key) else {
                self.faults.push(format!("{}: unknown key {key}", path.display()));
                continue;
            };
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(on) => if on { "on" } else { "off" }.to_owned(),
                toml::Value::Array(items) => items
                    .iter()
                    .filter_map(toml::Value::as_str)
                    .collect::<Vec<_>>()
                    .join(","),
                _ => {
                    self.faults.push(format!(
                        "{}: {key} must be text, a number, a switch or a list",
                        path.display()
                    ));
                    continue;
                }
            };
            self.values.insert(name, text);
        }
        Ok(())
    }

    fn add_env(&mut self, pairs: Vec<(String, String)>, origin: &str) {
        for (key, value) in pairs {
            if known_name(&key).is_some_and(|name| name == key) {
                self.values.insert(key, value);
            } else if key.starts_with("TMS_") && !FOREIGN.iter().any(|prefix| key.starts_with(prefix)) {
                self.faults.push(format!("{origin}: unknown key {key}"));
            }
        }
    }

    /// Replaces each `..._FILE` by what stands in the file, less the last line break.
    fn resolve_files(&mut self) {
        let named: Vec<(String, String)> = self.values.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        for (key, path) in named {
            let Some(target) = key.strip_suffix("_FILE") else {
                continue;
            };
            self.values.remove(&key);
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    self.values
                        .insert(target.to_owned(), text.trim_end_matches(['\r', '\n']).to_owned());
                }
                Err(error) => self.faults.push(format!("{key}: {path}: {error}")),
            }
        }
    }
}

/// Returns the name of a key however it is spelled; `tms.toml` may write it in lower case and without `TMS_`.
fn known_name(key: &str) -> Option<String> {
    let upper = key.to_ascii_uppercase();
    let suffix = ["_FILE", "_SECRET"].into_iter().find(|suffix| upper.ends_with(suffix));
    let suffix = suffix.unwrap_or_default();
    let base = upper.strip_suffix(suffix).unwrap_or(&upper);
    let known = |name: &str| KEYS.contains(&name);
    let name = if known(base) {
        base.to_owned()
    } else {
        format!("TMS_{base}")
    };
    known(&name).then(|| format!("{name}{suffix}"))
}

fn parse_dot_env(text: &str) -> Vec<(String, String)> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='))
        .map(|(key, value)| {
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let bare = bare.or_else(|| value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')));
            (key.trim().to_owned(), bare.unwrap_or(value).to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_faults_and_foreign_ones_are_not() {
        let sources = Sources::of_pairs(&[("TMS_LISTNE", "x"), ("TMS_TEST_POSTGRES_URL", "y"), ("HOME", "z")]);
        assert_eq!(sources.faults, ["a test: unknown key TMS_LISTNE"]);
    }

    #[test]
    fn a_value_may_come_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hidden\n").unwrap();
        let sources = Sources::of_pairs(&[("SECRET_KEY_FILE", file.path().to_str().unwrap())]);
        assert_eq!(sources.values["SECRET_KEY"], "hidden");
        assert!(
            !Sources::of_pairs(&[("SECRET_KEY_FILE", "/nowhere/at/all")])
                .faults
                .is_empty()
        );
    }

    #[test]
    fn toml_spells_keys_in_lower_case() {
        assert_eq!(known_name("listen").as_deref(), Some("TMS_LISTEN"));
        assert_eq!(known_name("secret_key_file").as_deref(), Some("SECRET_KEY_FILE"));
        assert_eq!(known_name("lisp"), None);
    }

    #[test]
    fn dot_env_reads_quotes_and_comments() {
        let read = parse_dot_env("# a\nexport A=1\nB=\"x y\"\n\nC='z'\n");
        assert_eq!(
            read,
            [
                ("A".into(), "1".into()),
                ("B".into(), "x y".into()),
                ("C".into(), "z".into())
            ]
        );
    }
}
