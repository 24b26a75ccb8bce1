//! From texts to typed values; collects every fault.

use std::{
    fmt::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use tms_core::{Error, secret::Secret, settings::Settings, text::InvalidText};
use tms_http::StaticUrl;

use super::{
    BackupConfig, Faults, Location, LogFormat, RedisConfig, StoreConfig, VerifyConfig,
    sources::{KEYS, Sources},
};

/// A year, as browsers expect of who means it.
const HSTS_S: u32 = 31_536_000;

/// How a connection to the database may be protected, as libpq spells it.
const DATABASE_TLS: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Reads values and notes faults.
#[derive(Debug)]
pub struct Reader {
    sources: Sources,
}

impl Reader {
    /// Reads from these sources.
    pub fn new(sources: Sources) -> Self {
        Self { sources }
    }

    /// Returns a text that is set and not empty.
    pub fn text(&self, key: &str) -> Option<String> {
        // Otherwise whoever sets it is told that there is no such key; every test that reads a configuration comes by here.
        debug_assert!(KEYS.contains(&key), "{key} is not among the keys");
        self.sources
            .values
            .get(key)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Returns a parsed value, or the default.
    pub fn parse<T: FromStr>(&mut self, key: &str, default: T, form: &str) -> T {
        let Some(text) = self.text(key) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.fault(format!("{key}: {text:?} is not {form}"));
            default
        })
    }

    /// Returns a comma-separated list.
    pub fn list(&self, key: &str) -> Vec<String> {
        let text = self.text(key).unwrap_or_default();
        text.split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    }

    /// Returns where the assets of the console are.
    pub fn static_url(&mut self) -> Option<StaticUrl> {
        let read = self.text("STATIC_URL")?.parse();
        read.map_err(|error: InvalidText| self.fault(format!("STATIC_URL: {error}")))
            .ok()
    }

    /// Returns where people find the console.
    pub fn public_url(&mut self) -> Option<String> {
        let url = self.text("TMS_PUBLIC_URL")?;
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['?', '#', ' ', '@'])) {
            self.fault("TMS_PUBLIC_URL: must be an address such as https://tms.example.com".to_owned());
            return None;
        }
        Some(url)
    }

    /// Returns for how long browsers shall come over HTTPS only.
    pub fn hsts(&mut self) -> Option<Duration> {
        let seconds: u32 = self.parse("TMS_HSTS_S", HSTS_S, "a number of seconds");
        (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
    }

    /// Returns a switch.
    pub fn switch(&mut self, key: &str, default: bool) -> bool {
        match self.text(key).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("on" | "true" | "1" | "yes") => true,
            Some("off" | "false" | "0" | "no") => false,
            Some(_) => {
                self.fault(format!("{key}: must be on or off"));
                default
            }
        }
    }

    /// Returns where backups are and how they are made.
    pub fn backup(&mut self, data_dir: &Path) -> BackupConfig {
        let days: u32 = self.parse("TMS_BACKUP_KEEP_DAYS", 30, "a number of days");
        let recipient = self.text("TMS_BACKUP_PUBLIC_KEY").map(|text| text.parse());
        let recipient = recipient.transpose().unwrap_or_else(|error: tms_backup::BackupError| {
            self.fault(format!("TMS_BACKUP_PUBLIC_KEY: {error}"));
            None
        });
        BackupConfig {
            place: self.backup_place(data_dir),
            desk: data_dir.join("backups"),
            recipient,
            keep: Duration::from_secs(u64::from(days) * 86_400),
            programs: self.text("TMS_POSTGRES_BIN").map(PathBuf::from),
        }
    }

    fn backup_place(&mut self, data_dir: &Path) -> Location {
        let usual = || Location::Folder(data_dir.join("backups"));
        let Some(text) = self.text("TMS_BACKUP_DIR") else {
            return usual();
        };
        Location::parse(&text).unwrap_or_else(|wrong| {
            self.fault(format!("TMS_BACKUP_DIR: {wrong}"));
            usual()
        })
    }

    /// Returns who signs in when a deployment is looked at.
    pub fn verify(&self) -> VerifyConfig {
        let secret = |key: &str| self.text(key).map(Secret::new);
        VerifyConfig {
            username: self.text("TMS_VERIFY_USERNAME"),
            password: secret("TMS_VERIFY_PASSWORD"),
            code: secret("TMS_VERIFY_CODE"),
            token: secret("TMS_VERIFY_TOKEN"),
        }
    }

    /// Returns how logs look.
    pub fn log_format(&mut self) -> LogFormat {
        match self.text("TMS_LOG_FORMAT").as_deref() {
            None | Some("human") => LogFormat::Human,
            Some("json") => LogFormat::Json,
            Some(_) => {
                self.fault("TMS_LOG_FORMAT: must be human or json".to_owned());
                LogFormat::Human
            }
        }
    }

    /// Returns where the data lives.
    pub fn store(&mut self, listen: SocketAddr) -> StoreConfig {
        let wish = self.text("TMS_STORE");
        if self.switch("TMS_DEMO", false) {
            return StoreConfig::Sqlite;
        }
        let url = self.text("DATABASE_URL").or_else(|| self.url_of_parts());
        match (wish.as_deref(), url) {
            (Some("sqlite"), _) => StoreConfig::Sqlite,
            (None | Some("postgres"), Some(url)) => {
                if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                    self.fault("DATABASE_URL: must begin with postgres://".to_owned());
                }
                let connections = self.parse("TMS_DB_CONNECTIONS", 10, "a number of connections");
                let (schema, application_role) = (self.text("TMS_DB_SCHEMA"), self.text("TMS_DB_APP_ROLE"));
                let application_password = self.text("TMS_DB_APP_PASSWORD").map(Secret::new);
                if application_password.is_some() && application_role.is_none() {
                    self.fault("TMS_DB_APP_PASSWORD: name the role too, in TMS_DB_APP_ROLE".to_owned());
                }
                StoreConfig::Postgres {
                    url: Secret::new(url),
                    schema,
                    application_role,
                    application_password,
                    connections,
                }
            }
            (Some("postgres"), None) => {
                self.fault("TMS_STORE=postgres: set DATABASE_URL, or DB_HOST and its friends".to_owned());
                StoreConfig::Sqlite
            }
            (None, None) => {
                if !listen.ip().is_loopback() {
                    let fault = "TMS_LISTEN: a listener that others can reach needs DATABASE_URL, or TMS_STORE=sqlite";
                    self.fault(fault.to_owned());
                }
                StoreConfig::Sqlite
            }
            (Some(other), _) => {
                self.fault(format!("TMS_STORE: {other:?} is not sqlite or postgres"));
                StoreConfig::Sqlite
            }
        }
    }

    fn url_of_parts(&mut self) -> Option<String> {
        let host = self.text("DB_HOST")?;
        let port: u16 = self.parse("DB_PORT", 5_432, "a port");
        let user = self.text("DB_USER").unwrap_or_else(|| "tms".to_owned());
        let name = self.text("DB_NAME").unwrap_or_else(|| "tms".to_owned());
        let password = self
            .text("DB_PASSWORD")
            .map(|password| format!(":{}", escape(&password)))
            .unwrap_or_default();
        Some(format!(
            "postgres://{}{password}@{host}:{port}/{}{}",
            escape(&user),
            escape(&name),
            self.database_tls()
        ))
    }

    /// Returns how the database is to prove itself, as the end of its address.
    fn database_tls(&mut self) -> String {
        let authorities = self.text("DB_SSLROOTCERT");
        let mode = match self.text("DB_SSLMODE") {
            Some(mode) if !DATABASE_TLS.contains(&mode.as_str()) => {
                self.fault(format!("DB_SSLMODE: must be one of {}", DATABASE_TLS.join(", ")));
                return String::new();
            }
            Some(mode) => mode,
            // Whoever names authorities wants them to be asked.
            None if authorities.is_some() => "verify-full".to_owned(),
            None => return String::new(),
        };
        let authorities = authorities.map(|file| format!("&sslrootcert={}", escape(&file)));
        format!("?sslmode={mode}{}", authorities.unwrap_or_default())
    }

    /// Returns where Redis is, if there is one.
    pub fn redis(&mut self, store: &StoreConfig) -> Option<RedisConfig> {
        let url = self.text("REDIS_URL").or_else(|| self.redis_url_of_parts())?;
        if self.switch("TMS_DEMO", false) {
            return None;
        }
        if !cfg!(feature = "redis") {
            self.fault("REDIS_URL: this build has no support for Redis (cargo feature `redis`)".to_owned());
        } else if !["redis://", "rediss://", "redis+unix://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            self.fault("REDIS_URL: must begin with redis:// or, for TLS, rediss://".to_owned());
        } else if matches!(store, StoreConfig::Sqlite) {
            self.fault("REDIS_URL: serves several nodes, and several nodes need Postgres: set DATABASE_URL".to_owned());
        }
        Some(RedisConfig {
            url: Secret::new(url),
            authorities: self.text("REDIS_CA"),
        })
    }

    fn redis_url_of_parts(&mut self) -> Option<String> {
        let host = self.text("REDIS_HOST")?;
        let port: u16 = self.parse("REDIS_PORT", 6_379, "a port");
        let scheme = if self.switch("REDIS_TLS", false) {
            "rediss"
        } else {
            "redis"
        };
        let user = self.text("REDIS_USER").map(|user| escape(&user)).unwrap_or_default();
        let login = match self.text("REDIS_PASSWORD") {
            Some(password) => format!("{user}:{}@", escape(&password)),
            None if user.is_empty() => String::new(),
            None => format!("{user}@"),
        };
        Some(format!("{scheme}://{login}{host}:{port}"))
    }

    /// Returns the secret key; Postgres can't do without, since all nodes must have the same.
    pub fn secret_key(&mut self, store: &StoreConfig) -> Option<Secret<String>> {
        let key = self.text("SECRET_KEY");
        match &key {
            Some(key) if key.len() < 32 => self.fault("SECRET_KEY: must have at least 32 characters".to_owned()),
            None if matches!(store, StoreConfig::Postgres { .. }) => {
                self.fault("SECRET_KEY: is required with Postgres; make one with `openssl rand -base64 48`".to_owned());
            }
            _ => {}
        }
        key.map(Secret::new)
    }

    /// Returns the secret key that the present one replaces.
    pub fn previous_secret_key(&mut self) -> Option<Secret<String>> {
        let previous = self.text("SECRET_KEY_PREVIOUS")?;
        if previous.len() < 32 {
            self.fault("SECRET_KEY_PREVIOUS: must have at least 32 characters".to_owned());
        } else if self.text("SECRET_KEY").as_ref() == Some(&previous) {
            self.fault("SECRET_KEY_PREVIOUS: is the same as SECRET_KEY".to_owned());
        }
        Some(Secret::new(previous))
    }

    /// Returns the settings that hold until somebody saves some.
    pub fn settings(&mut self, mut settings: Settings) -> Settings {
        let p = settings.presence;
        settings.presence.default_interval_s =
            self.parse("TMS_DEFAULT_INTERVAL_S", p.default_interval_s, "a number of seconds");
        settings.presence.lost_grace_s = self.parse("TMS_LOST_GRACE_S", p.lost_grace_s, "a number of seconds");
        if let Err(Error::Invalid(errors)) = settings.validate() {
            for (field, messages) in errors.iter() {
                self.fault(format!("{field}: {}", messages.join(", ")));
            }
        }
        settings
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Faults`] if there were any.
    pub fn finish(self) -> Result<(), Faults> {
        if self.sources.faults.is_empty() {
            Ok(())
        } else {
            Err(Faults(self.sources.faults))
        }
    }

    pub(super) fn fault(&mut self, fault: String) {
        self.sources.faults.push(fault);
    }
}

/// Escapes what a part of a URL may not have, as RFC 3986 section 2.1 says.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
