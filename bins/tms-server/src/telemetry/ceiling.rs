//! How talkative each crate may be, whatever `RUST_LOG` says: at their finest levels, libraries that speak a protocol
//! log what goes over the wire, and that has passwords, tokens and what agents report.

use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::filter::{FilterFn, filter_fn};

/// Libraries whose finer levels were read and found to show no content.
const TRUSTED: &[(&str, LevelFilter)] = &[("hyper", LevelFilter::DEBUG), ("sqlx", LevelFilter::DEBUG)];

/// Returns the filter that holds everywhere.
pub fn ceiling() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    filter_fn(|seen| *seen.level() <= finest(seen.target()))
}

/// Returns the finest level of a target. A library that nobody has looked at may not say more than what it does.
fn finest(target: &str) -> LevelFilter {
    let name = target.split("::").next().unwrap_or_default();
    if name == "tms" || name.starts_with("tms_") {
        return LevelFilter::TRACE;
    }
    TRUSTED
        .iter()
        .find(|(trusted, _)| *trusted == name)
        .map_or(LevelFilter::INFO, |(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_crates_may_say_everything() {
        assert_eq!(finest("tms"), LevelFilter::TRACE);
        assert_eq!(finest("tms_http::edge"), LevelFilter::TRACE);
        assert_eq!(finest("sqlx::query"), LevelFilter::DEBUG);
        for target in [
            "tungstenite::protocol",
            "rustls::client",
            "lettre",
            "aws_sigv4",
            "tmsx",
            "sqlx_core",
            "",
        ] {
            assert_eq!(finest(target), LevelFilter::INFO, "{target}");
        }
    }
}
