//! How talkative each crate may be, whatever `RUST_LOG` says: at their finest levels, libraries that speak a protocol
//! log what goes over the wire, and that has passwords, tokens and what agents report.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Registry, filter::dynamic_filter_fn, layer::Filter};

/// Libraries whose finer levels were read and found to show no content.
const TRUSTED: &[(&str, LevelFilter)] = &[("hyper", LevelFilter::DEBUG), ("sqlx", LevelFilter::DEBUG)];

/// Returns the filter that holds everywhere.
///
/// It is asked for each line that any other filter lets pass, although its answer never changes. The subscriber keeps the
/// last answer of a filter by thread and, for what is always let pass, does not ask anew: a library that only asks whether
/// it may log, as sqlx does after each statement, would take away the next line of somebody else.
pub fn ceiling() -> impl Filter<Registry> + use<> {
    dynamic_filter_fn(|seen, _| *seen.level() <= finest(seen.target()))
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
    use std::{
        io,
        sync::{Arc, Mutex, PoisonError},
    };

    use tracing_subscriber::{EnvFilter, Layer, filter::FilterExt, fmt::layer, layer::SubscriberExt, registry};

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_only_asks_takes_away_no_line() {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = EnvFilter::new("info").and(ceiling());
        let subscriber = registry().with(layer().with_writer(move || writer.clone()).with_filter(filter));
        let span =
            tracing::subscriber::with_default(registry(), || tracing::debug_span!(target: "sqlx::query", "asked"));
        let asked = span.metadata().unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::dispatcher::get_default(|to| to.enabled(asked));
            tracing::error!("the first line after it");
        });
        let said = lines.0.lock().unwrap().clone();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("the first line after it"), "{said:?}");
    }

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
