//! Logs and metrics of the process; only a binary may install them.

mod ceiling;
mod error_file;
mod queue;

use std::{io::IsTerminal, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::FilterExt, fmt::layer, layer::SubscriberExt, util::SubscriberInitExt,
};

use self::queue::{Farewell, Queue};
use crate::{
    cloud::{self, Shipping},
    config::{Config, LogFormat},
};

/// How many lines may wait for each place that takes them; beyond that they are dropped and counted.
const WAITING_LINES: usize = 16_384;

/// A place that takes logs.
pub type LogLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Which stream the logs go to. Where standard output has a document, they must not be in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Where logs go. Nothing here ever waits: a place that can't keep up loses lines, and says how many.
///
/// Whoever holds this keeps the threads that write; dropping it writes what still waits.
#[derive(Default)]
pub struct Logs {
    layers: Vec<LogLayer>,
    farewells: Vec<Farewell>,
    losses: Losses,
    shipping: Option<Shipping>,
}

/// What each place has lost.
#[derive(Default)]
pub struct Losses(Vec<Loss>);

/// What one place has lost.
struct Loss {
    place: &'static str,
    lost: Box<dyn Fn() -> u64 + Send + Sync>,
    said: u64,
}

/// Sends logs to every place that is configured.
pub fn install_logs(config: &Config, console: Console) -> anyhow::Result<Logs> {
    let mut logs = Logs::default();
    logs.add_console(config, console)?;
    if let Some(folder) = &config.log_dir {
        logs.add_error_file(folder)?;
    }
    logs.shipping = cloud::add_logs(config, &mut logs)?;
    let layers = std::mem::take(&mut logs.layers);
    let installed = tracing_subscriber::registry().with(layers).try_init();
    installed.map_err(|error| anyhow::anyhow!("logs could not be set up: {error}"))?;
    Ok(logs)
}

impl Logs {
    /// Adds a place; `lost` tells how many lines it has dropped.
    pub fn add(&mut self, place: &'static str, layer: LogLayer, lost: impl Fn() -> u64 + Send + Sync + 'static) {
        self.layers.push(layer);
        self.losses.0.push(Loss {
            place,
            lost: Box::new(lost),
            said: 0,
        });
    }

    /// Waits a moment for what is on its way to places elsewhere.
    pub async fn end(mut self) {
        if let Some(shipping) = self.shipping.take() {
            shipping.end().await;
        }
    }

    /// Hands over the counts of what is lost, for whoever reports them from time to time.
    pub fn losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    fn add_console(&mut self, config: &Config, console: Console) -> anyhow::Result<()> {
        let (writer, is_terminal) = match console {
            Console::Output => {
                let is_terminal = std::io::stdout().is_terminal();
                (self.writer("console", std::io::stdout())?, is_terminal)
            }
            Console::Error => {
                let is_terminal = std::io::stderr().is_terminal();
                (self.writer("console", std::io::stderr())?, is_terminal)
            }
        };
        let lost = writer.lost();
        let filter = chosen(config)?;
        let layer: LogLayer = match config.log_format {
            LogFormat::Human => Box::new(layer().with_writer(writer).with_ansi(is_terminal).with_filter(filter)),
            LogFormat::Json => Box::new(
                layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(writer)
                    .with_filter(filter),
            ),
        };
        self.add("console", layer, move || lost.lines());
        Ok(())
    }

    /// Keeps errors, whatever `RUST_LOG` leaves out.
    fn add_error_file(&mut self, folder: &std::path::Path) -> anyhow::Result<()> {
        let file = error_file::ErrorFile::open(folder, error_file::BYTES)?;
        let writer = self.writer("error-file", file)?;
        let lost = writer.lost();
        let filter = LevelFilter::ERROR.and(ceiling::ceiling());
        let layer = layer().with_writer(writer).with_ansi(false).with_filter(filter);
        self.add("error-file", Box::new(layer), move || lost.lines());
        Ok(())
    }

    fn writer(&mut self, name: &str, to: impl std::io::Write + Send + 'static) -> anyhow::Result<Queue> {
        let (queue, farewell) = Queue::start(name, to, WAITING_LINES)?;
        self.farewells.push(farewell);
        Ok(queue)
    }
}

impl Losses {
    /// Publishes what was lost, and says so when it has become more.
    pub fn report(&mut self) {
        for loss in &mut self.0 {
            let lost = (loss.lost)();
            metrics::counter!("tms_log_lines_dropped_total", "place" => loss.place).absolute(lost);
            if lost > loss.said {
                tracing::warn!(place = loss.place, lines = lost - loss.said, "log lines were dropped");
                loss.said = lost;
            }
        }
    }
}

/// Returns what `RUST_LOG` asks for, below the ceiling.
pub fn chosen(config: &Config) -> anyhow::Result<impl tracing_subscriber::layer::Filter<Registry> + use<>> {
    let wish = EnvFilter::try_new(&config.log_filter).map_err(|error| anyhow::anyhow!("RUST_LOG: {error}"))?;
    Ok(wish.and(ceiling::ceiling()))
}

/// How often what histograms gathered is folded, and lost lines are told.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds of the buckets of every duration, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Collects metrics for Prometheus.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)?;
    Ok(builder.install_recorder()?)
}
