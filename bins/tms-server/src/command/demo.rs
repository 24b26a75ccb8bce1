//! `tms serve --demo`: a throw-away embedded store and a small simulated fleet, to look around in.

use std::{process::ExitCode, time::Duration};

use tms_core::{
    alert::rule::{AlertRule, AlertRules, Threshold},
    settings::Settings,
};
use tms_sim::{Access, Secret, fleet::FleetSettings};
use tokio::sync::watch;

use crate::{
    command::serve::{Node, announce, make_administrator, terminated},
    config::{Config, StoreConfig},
    output::{Output, note},
    telemetry::{self, Console},
    wire_up,
};

/// Seconds between heartbeats of the simulated fleet.
const INTERVAL_S: u32 = 5;

/// Runs the demonstration until SIGTERM or SIGINT; nothing of it stays.
pub async fn run(mut config: Config, terminals: u32, output: Output) -> anyhow::Result<ExitCode> {
    if config.log_filter == "info,sqlx=warn" {
        "warn".clone_into(&mut config.log_filter);
    }
    // Standard output says how to sign in.
    let mut logs = telemetry::install_logs(&config, Console::Error)?;
    let folder = tempfile::Builder::new().prefix("tms-demo-").tempdir()?;
    config.store = StoreConfig::Sqlite;
    config.data_dir = folder.path().to_path_buf();
    config.drain = Duration::ZERO;
    // The whole fleet comes from one address.
    config.rate_limits = false;
    config.settings = lively(config.settings);
    let node = Node::start(&config, logs.losses()).await?;
    let password = wire_up::random_text()?.get(..16).unwrap_or_default().to_owned();
    make_administrator(&node.tms, &password).await?;
    let url = format!("http://{}", node.listener.local_addr()?);
    announce(output, &url, "admin", &password);
    note(format_args!(
        "{terminals} simulated terminals come to life; some of them fail and recover. Ctrl-C ends it."
    ));
    let (stop, stopped) = watch::channel(false);
    let stop_signal = terminated()?;
    let access = Access::Operator {
        username: "admin".to_owned(),
        password: Secret::new(password),
    };
    let settings = FleetSettings::demo(&url, usize::try_from(terminals)?, access);
    let fleet = tokio::spawn(async move {
        let stopped = async move {
            let mut stopped = stopped;
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(error) = tms_sim::fleet::run(settings, stopped).await {
            tracing::error!(error = %error, "the simulated fleet stopped");
        }
    });
    let served = node
        .serve(&config, async move {
            stop_signal.await;
            stop.send_replace(true);
        })
        .await;
    let _ = tokio::time::timeout(Duration::from_secs(2), fleet).await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Short intervals and short durations, so that a minute shows what a day does otherwise.
fn lively(mut settings: Settings) -> Settings {
    settings.presence.default_interval_s = INTERVAL_S;
    settings.presence.lost_grace_s = INTERVAL_S;
    let quick = |rule: &AlertRule| AlertRule {
        threshold: rule.threshold.map(|t| Threshold {
            duration_s: t.duration_s.min(10),
            ..t
        }),
        ..*rule
    };
    settings.rules = AlertRules::new(settings.rules.iter().map(quick).collect());
    settings
}
