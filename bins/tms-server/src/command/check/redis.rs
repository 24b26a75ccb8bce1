//! What is looked at of Redis, which servers share and can do without.

use url::Url;

use super::{finding::Finding, network::is_here};
use crate::{config::Config, wire_up::redis};

const NAME: &str = "Redis";

/// Looks whether Redis is set up, and takes what servers would write there.
pub async fn look(config: &Config) -> Finding {
    match redis::reach(config).await {
        None => Finding::told(
            NAME,
            "it is not set up, and not needed: several servers share their limits through the database",
        ),
        Some(Ok(())) => Finding::told(NAME, format!("{} is reached, and takes writes", shown(config))),
        Some(Err(problem)) => {
            let text = format!("{} can't be used, and servers do without it: {problem}", shown(config));
            Finding::better(NAME, text, way_out(&problem))
        }
    }
}

/// Looks whether what goes to a Redis elsewhere can be read on the way: its password, above all.
pub fn tls(config: &Config) -> Finding {
    const NAME: &str = "TLS to Redis";
    let url = config
        .redis
        .as_ref()
        .and_then(|redis| Url::parse(redis.url.expose()).ok());
    match url {
        Some(url) if url.scheme() == "redis" && !is_here(url.host_str().unwrap_or_default()) => Finding::better(
            NAME,
            format!("{} is reached without TLS", shown(config)),
            "spell the address rediss://, or set REDIS_TLS=on",
        ),
        _ => Finding::ok(NAME),
    }
}

/// Returns the address without user and password.
fn shown(config: &Config) -> String {
    let url = config
        .redis
        .as_ref()
        .and_then(|redis| Url::parse(redis.url.expose()).ok());
    let Some(url) = url else {
        return "the address of REDIS_URL".to_owned();
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}

/// Says what helps against what Redis, or the way to it, has said.
fn way_out(problem: &str) -> &'static str {
    let said = problem.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["certificate", "tls"]) {
        "name who signed its certificate in REDIS_CA, and spell the address rediss:// where Redis speaks TLS"
    } else if has(&["noauth", "wrongpass", "authentication"]) {
        "set REDIS_USER and REDIS_PASSWORD as Redis knows them"
    } else if has(&["readonly", "read only"]) {
        "name the primary: this one follows another"
    } else if has(&["oom", "maxmemory"]) {
        "give it more memory, or let it forget with maxmemory-policy allkeys-lru: nothing in it must be kept"
    } else {
        "start it, and let this machine reach it; its address is in REDIS_URL, or in REDIS_HOST and REDIS_PORT"
    }
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::{super::finding::Level, *};
    use crate::config::test_config;

    fn of(url: &str) -> Config {
        let key = "k".repeat(40);
        test_config(&[
            ("DATABASE_URL", "postgres://u:p@localhost/d"),
            ("SECRET_KEY", &key),
            ("REDIS_URL", url),
        ])
    }

    #[test]
    fn a_redis_elsewhere_wants_tls() {
        assert_eq!(tls(&of("redis://127.0.0.1:6379")).level, Level::Ok);
        assert_eq!(tls(&of("redis+unix:///run/redis.sock")).level, Level::Ok);
        assert_eq!(tls(&of("rediss://cache.example.com")).level, Level::Ok);
        assert_eq!(tls(&of("redis://cache.example.com")).level, Level::Warning);
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let shown = shown(&of("rediss://tms:hidden@cache.example.com:6380/1"));
        assert_eq!(shown, "rediss://cache.example.com:6380/1");
    }

    #[test]
    fn each_refusal_has_its_way_out() {
        for (problem, way) in [
            ("NOAUTH: Authentication required.", "REDIS_PASSWORD"),
            ("invalid peer certificate: UnknownIssuer", "REDIS_CA"),
            ("READONLY: You can't write against a read only replica.", "the primary"),
            (
                "OOM: command not allowed when used memory > 'maxmemory'.",
                "allkeys-lru",
            ),
            ("Connection refused (os error 111)", "start it"),
        ] {
            assert!(way_out(problem).contains(way), "{problem}");
        }
    }
}
