//! What is looked at about secrets: how hard they are to guess, and who can read them.

use std::collections::BTreeMap;

use tms_core::secret::Secret;
use url::Url;

use super::{finding::Finding, machine::private};
use crate::{
    config::{Config, StoreConfig},
    wire_up::KEY_FILE,
};

/// What a key should be worth, in bits, by how often its characters occur.
const KEY_BITS: f64 = 128.0;
/// What a token or a password should be worth.
const TOKEN_BITS: f64 = 64.0;
/// Words of examples and habits.
const KNOWN: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "insecure",
    "secret",
    "password",
    "passw0rd",
    "example",
    "default",
    "django",
    "12345678",
    "abcdefgh",
    "postgres",
    "qwerty",
];
const MAKE_ONE: &str = "make one with `openssl rand -base64 48`";

/// Looks at every secret of the configuration.
pub fn strictly(config: &Config) -> Vec<Finding> {
    vec![key(config), former_key(config), metrics(config), database(config)]
}

fn key(config: &Config) -> Finding {
    const NAME: &str = "secret key";
    match &config.secret_key {
        Some(key) => match weakness(key.expose(), KEY_BITS) {
            Some(why) => Finding::fault(NAME, format!("SECRET_KEY {why}"), MAKE_ONE),
            None => Finding::ok(NAME),
        },
        None => private(NAME, &config.data_dir.join(KEY_FILE)),
    }
}

fn former_key(config: &Config) -> Finding {
    const NAME: &str = "former secret key";
    match &config.previous_secret_key {
        Some(_) => Finding::better(
            NAME,
            "SECRET_KEY_PREVIOUS is set: it still opens second factors",
            "remove it when everybody has signed in since the key was replaced",
        ),
        None => Finding::ok(NAME),
    }
}

fn metrics(config: &Config) -> Finding {
    const NAME: &str = "metrics token";
    match config.metrics_token.as_ref().map(Secret::expose) {
        Some(token) => match weakness(token, TOKEN_BITS) {
            Some(why) => Finding::fault(NAME, format!("TMS_METRICS_TOKEN {why}"), MAKE_ONE),
            None => Finding::ok(NAME),
        },
        // On loopback a proxy may let strangers through to it.
        None if config.listen.ip().is_loopback() => Finding::better(
            NAME,
            "TMS_METRICS_TOKEN is not set: whoever reaches the listener reads /metrics, through a proxy too",
            MAKE_ONE,
        ),
        None => Finding::ok(NAME),
    }
}

fn database(config: &Config) -> Finding {
    const NAME: &str = "database password";
    const FIX: &str = "give the role another one, and set it in DATABASE_URL or DB_PASSWORD";
    let StoreConfig::Postgres { url, .. } = &config.store else {
        return Finding::ok(NAME);
    };
    let Ok(url) = Url::parse(url.expose()) else {
        return Finding::ok(NAME);
    };
    match url.password() {
        // A certificate, a file or the system may prove who it is.
        None => Finding::ok(NAME),
        Some(password) if password == url.username() => Finding::fault(NAME, "it is the name of the role", FIX),
        Some(password) => match weakness(password, TOKEN_BITS) {
            Some(why) => Finding::fault(NAME, format!("it {why}"), FIX),
            None => Finding::ok(NAME),
        },
    }
}

/// Says why a secret can be guessed; never with a part of it.
fn weakness(secret: &str, least_bits: f64) -> Option<String> {
    let folded = secret.to_lowercase();
    if KNOWN.iter().any(|word| folded.contains(word)) {
        return Some("has a word that everybody tries first".to_owned());
    }
    let bits = bits(secret);
    (bits < least_bits).then(|| format!("is worth {bits:.0} bits of the {least_bits:.0} that it should be"))
}

/// Returns what a text is worth by how often its characters occur: none if it is one character again and again.
#[expect(clippy::cast_precision_loss, reason = "an estimate of short texts")]
fn bits(text: &str) -> f64 {
    let mut counts: BTreeMap<char, u32> = BTreeMap::new();
    for character in text.chars() {
        *counts.entry(character).or_default() += 1;
    }
    let length = text.chars().count() as f64;
    let worth = |count: &u32| f64::from(*count) * (length / f64::from(*count)).log2();
    counts.values().map(worth).sum()
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};
    use crate::config::test_config;

    #[test]
    fn random_keys_are_well_and_typed_ones_are_not() {
        let random = "q0Vb7yYk3mN8sJr5tQx2Lc9wFzHa1dUeGpTiRoXvBnMl4K6S";
        assert_eq!(weakness(random, KEY_BITS), None);
        // 32 bytes in hexadecimal digits.
        assert_eq!(
            weakness(
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                KEY_BITS
            ),
            None
        );
        for bad in [
            &"k".repeat(40),
            &"ab".repeat(32),
            "django-insecure-q0Vb7yYk3mN8sJr5tQx2Lc9wFzHa1dUeGp",
            "please-changeme-please-please-please-please",
        ] {
            assert!(weakness(bad, KEY_BITS).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_finding_never_shows_the_secret() {
        let key = "k".repeat(40);
        let url = "postgres://tms:tms@localhost/tms";
        let config = test_config(&[
            ("DATABASE_URL", url),
            ("SECRET_KEY", &key),
            ("TMS_METRICS_TOKEN", "short"),
        ]);
        let findings = strictly(&config);
        assert_eq!(
            findings.iter().filter(|f| f.level == Level::Error).count(),
            3,
            "{findings:?}"
        );
        for finding in findings {
            assert!(
                !finding.line().contains("kkk") && !finding.line().contains("short"),
                "{finding:?}"
            );
        }
    }
}
