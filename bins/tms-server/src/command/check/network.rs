//! What is looked at between the server and those who call it, and between the server and its database.

use std::time::Duration;

use url::Url;

use super::{finding::Finding, redis};
use crate::config::{Config, StoreConfig};

/// How long a balancer may go on sending requests to a server that stops.
const BALANCER_S: u64 = 30;
/// What browsers are told should last from one visit to the next.
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// Looks whether strangers can call the server under any name.
pub fn hosts(config: &Config) -> Finding {
    let name = if matches!(config.store, StoreConfig::Sqlite) {
        "hosts (embedded store)"
    } else {
        "hosts"
    };
    if !config.listen.ip().is_loopback() && config.allowed_hosts.is_empty() {
        return Finding::fault(
            name,
            "ALLOWED_HOSTS is empty",
            "name the hosts under which the server is called",
        );
    }
    Finding::ok(name)
}

/// Looks at what only matters in production.
pub fn strictly(config: &Config) -> Vec<Finding> {
    vec![
        any_host(config),
        proxies(config),
        cookies(config),
        hsts(config),
        limits(config),
        drain(config),
        hooks(config),
        logs(config),
        tls(config),
        redis::tls(config),
    ]
}

fn any_host(config: &Config) -> Finding {
    let fix = "name the hosts under which people and agents call the server";
    if config.allowed_hosts.is_empty() {
        Finding::fault("any host", "ALLOWED_HOSTS is empty: a forged Host is served", fix)
    } else if config.allowed_hosts.iter().any(|host| host == "*") {
        Finding::fault("any host", "ALLOWED_HOSTS has *: a forged Host is served", fix)
    } else {
        Finding::ok("any host")
    }
}

fn proxies(config: &Config) -> Finding {
    let wide = config.trusted_proxies.iter().find(|network| network.ends_with("/0"));
    if let Some(wide) = wide {
        let text = format!("TMS_TRUSTED_PROXIES has {wide}: everybody may say to be somebody else");
        return Finding::fault("proxies", text, "name the networks of your proxies only");
    }
    if config.trusted_proxies.is_empty() {
        let text = "TMS_TRUSTED_PROXIES is empty: behind a proxy, all clients look like one and share its limits";
        return Finding::better(
            "proxies",
            text,
            "name the networks of your proxies, such as 127.0.0.1/32",
        );
    }
    Finding::ok("proxies")
}

/// Cookies of sessions are `Secure`: browsers keep them by https only.
fn cookies(config: &Config) -> Finding {
    if config.listen.ip().is_loopback() || !config.trusted_proxies.is_empty() {
        return Finding::ok("cookies");
    }
    let text = "others can reach the listener, which speaks http, and no proxy is named: passwords go in clear, and \
                browsers don't keep the cookies of sessions";
    Finding::fault(
        "cookies",
        text,
        "put a proxy with https before it and name it in TMS_TRUSTED_PROXIES",
    )
}

/// A browser that knows follows no link and no mistyped address by http, where others could answer.
fn hsts(config: &Config) -> Finding {
    const NAME: &str = "HSTS";
    const FIX: &str = "leave TMS_HSTS_S out: a year is usual";
    match config.hsts {
        None => Finding::better(NAME, "TMS_HSTS_S=0: browsers are not told to come over https only", FIX),
        Some(keep) if keep < MONTH => {
            let text = format!(
                "TMS_HSTS_S is {}: browsers soon forget to come over https only",
                keep.as_secs()
            );
            Finding::better(NAME, text, FIX)
        }
        Some(_) => Finding::ok(NAME),
    }
}

fn limits(config: &Config) -> Finding {
    if config.rate_limits {
        Finding::ok("rate limits")
    } else {
        Finding::fault(
            "rate limits",
            "TMS_RATE_LIMITS=off lifts them",
            "remove it: it is for load tests",
        )
    }
}

fn drain(config: &Config) -> Finding {
    if config.trusted_proxies.is_empty() || config.drain.as_secs() >= BALANCER_S {
        return Finding::ok("drain");
    }
    let text = format!(
        "TMS_DRAIN_S is {}: a balancer goes on sending for longer",
        config.drain.as_secs()
    );
    Finding::better("drain", text, "set TMS_DRAIN_S=70, or what your balancer needs")
}

fn hooks(config: &Config) -> Finding {
    if config.private_web_hooks {
        let text = "TMS_PRIVATE_WEB_HOOKS=on lets web hooks lead into your own network";
        Finding::better("web hooks", text, "remove it unless you need it")
    } else {
        Finding::ok("web hooks")
    }
}

fn logs(config: &Config) -> Finding {
    let is_loud = ["debug", "trace"].iter().any(|level| config.log_filter.contains(level));
    if is_loud {
        let text = format!("RUST_LOG is {:?}: every request is logged", config.log_filter);
        Finding::better("logs", text, "leave it out, or set info")
    } else {
        Finding::ok("logs")
    }
}

/// Looks whether what goes to a database elsewhere can be read or changed on the way.
fn tls(config: &Config) -> Finding {
    const NAME: &str = "TLS to the database";
    let StoreConfig::Postgres { url, .. } = &config.store else {
        return Finding::ok(NAME);
    };
    let Ok(url) = Url::parse(url.expose()) else {
        return Finding::fault(
            NAME,
            "the address of the database can't be read",
            "look at DATABASE_URL",
        );
    };
    let (mut host, mut mode) = (url.host_str().unwrap_or_default().to_owned(), String::new());
    for (key, value) in url.query_pairs() {
        match key.as_ref() {
            "host" => host = value.into_owned(),
            "sslmode" | "ssl-mode" => mode = value.into_owned(),
            _ => {}
        }
    }
    match mode.as_str() {
        _ if is_here(&host) => Finding::ok(NAME),
        "verify-full" => Finding::ok(NAME),
        "require" | "verify-ca" => Finding::better(
            NAME,
            format!("sslmode={mode} does not prove that it is your database"),
            "set sslmode=verify-full and sslrootcert in DATABASE_URL, or DB_SSLMODE and DB_SSLROOTCERT",
        ),
        _ => Finding::fault(
            NAME,
            format!("{host} is reached without TLS, or with it only if it likes"),
            "add sslmode=verify-full and sslrootcert to DATABASE_URL, or set DB_SSLMODE and DB_SSLROOTCERT",
        ),
    }
}

/// Tells whether a host is this machine: then nobody is on the way.
pub fn is_here(host: &str) -> bool {
    host.is_empty() || host.starts_with('/') || matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};
    use crate::config::test_config;

    fn tls_of(url: &str) -> Level {
        tls(&test_config(&[("DATABASE_URL", url), ("SECRET_KEY", &"k".repeat(40))])).level
    }

    #[test]
    fn only_a_proven_database_elsewhere_is_well() {
        assert_eq!(tls_of("postgres://u:p@localhost/d"), Level::Ok);
        assert_eq!(tls_of("postgres://u:p@localhost/d?host=/run/postgresql"), Level::Ok);
        assert_eq!(tls_of("postgres://u:p@db.example.com/d"), Level::Error);
        assert_eq!(tls_of("postgres://u:p@db.example.com/d?sslmode=prefer"), Level::Error);
        assert_eq!(
            tls_of("postgres://u:p@db.example.com/d?sslmode=require"),
            Level::Warning
        );
        assert_eq!(tls_of("postgres://u:p@db.example.com/d?sslmode=verify-full"), Level::Ok);
    }

    #[test]
    fn each_setting_that_opens_a_door_is_found() {
        let level = |pairs: &[(&str, &str)], look: fn(&Config) -> Finding| look(&test_config(pairs)).level;
        assert_eq!(level(&[], any_host), Level::Error);
        assert_eq!(level(&[("ALLOWED_HOSTS", "tms.example.com,*")], any_host), Level::Error);
        assert_eq!(level(&[("ALLOWED_HOSTS", "tms.example.com")], any_host), Level::Ok);
        assert_eq!(
            level(&[("TMS_TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0")], proxies),
            Level::Error
        );
        assert_eq!(level(&[], proxies), Level::Warning);
        let open = [("TMS_LISTEN", "0.0.0.0:80"), ("TMS_STORE", "sqlite")];
        assert_eq!(level(&open, cookies), Level::Error);
        assert_eq!(
            level(&[open[0], open[1], ("TMS_TRUSTED_PROXIES", "10.0.0.0/8")], cookies),
            Level::Ok
        );
        assert_eq!(level(&[], hsts), Level::Ok);
        assert_eq!(level(&[("TMS_HSTS_S", "0")], hsts), Level::Warning);
        assert_eq!(level(&[("TMS_HSTS_S", "3600")], hsts), Level::Warning);
        assert_eq!(level(&[("TMS_RATE_LIMITS", "off")], limits), Level::Error);
        assert_eq!(level(&[("TMS_TRUSTED_PROXIES", "10.0.0.0/8")], drain), Level::Warning);
        assert_eq!(level(&[("RUST_LOG", "info,tms_http=debug")], logs), Level::Warning);
        assert_eq!(level(&[("TMS_PRIVATE_WEB_HOOKS", "on")], hooks), Level::Warning);
    }
}
