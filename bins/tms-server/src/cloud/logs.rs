//! The log of this server, for CloudWatch too.

use std::sync::Arc;

use tms_aws::{
    Aws,
    cloudwatch_logs::{LogDestination, channel, is_shipped},
};
use tms_core::time::SystemClock;
use tokio::{sync::watch, task::JoinHandle};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, filter_fn},
    fmt::layer,
};

use super::settings;
use crate::{
    config::Config,
    telemetry::{Logs, chosen},
};

/// Sends the log until it is ended.
#[derive(Debug)]
pub struct Shipping {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Shipping {
    /// Sends what is left, if it goes quickly.
    pub async fn end(self) {
        self.end.send_replace(true);
        let _ = self.task.await;
    }
}

/// Adds CloudWatch to the places that take logs, if it is configured.
pub fn add_logs(config: &Config, logs: &mut Logs) -> anyhow::Result<Option<Shipping>> {
    let Some(group) = &config.cloud.log_group else {
        return Ok(None);
    };
    let (sink, shipper) = channel(Arc::new(SystemClock));
    let filter = chosen(config)?.and(filter_fn(|event| is_shipped(event.target())));
    let layer = layer().json().flatten_event(true).with_writer(sink.clone());
    logs.add("cloudwatch", Box::new(layer.with_filter(filter)), move || {
        let counts = sink.counts();
        counts.dropped.saturating_add(counts.rejected)
    });
    let to = LogDestination {
        group: group.clone(),
        // What may not stand in the name of a stream is in no name of a machine.
        stream: config.node.replace([':', '*'], "-"),
    };
    let (settings, (end, mut ends)) = (settings(config), watch::channel(false));
    let task = tokio::spawn(async move {
        let aws = Aws::load(&settings).await;
        let ended = async move {
            let _ = ends.wait_for(|ends| *ends).await;
        };
        shipper.run(&aws, &to, ended).await;
    });
    Ok(Some(Shipping { end, task }))
}
