//! Progress on standard error, for people only: nothing is written unless that is a terminal.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tms_sim::{
    fleet::{FleetCounts, counts::Count},
    load::gauges::Gauges,
};
use tokio::task::JoinHandle;

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(200);

/// A bar with the task that moves it.
pub(crate) struct Progress {
    bar: ProgressBar,
    mover: JoinHandle<()>,
}

impl Progress {
    fn start(length: u64, template: &str, move_bar: impl Fn(&ProgressBar) + Send + 'static) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let shown = bar.clone();
        let mover = tokio::spawn(async move {
            let mut tick = tokio::time::interval(EVERY);
            while !shown.is_hidden() {
                tick.tick().await;
                move_bar(&shown);
            }
        });
        Self { bar, mover }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        self.mover.abort();
        self.bar.finish_and_clear();
    }
}

/// Shows a load that takes about `length`.
pub(crate) fn load(gauges: &Arc<Gauges>, length: Duration) -> Progress {
    let gauges = gauges.clone();
    let began = std::sync::OnceLock::new();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Progress::start(millis(length), "{bar:40} {msg}", move |bar| {
        let acknowledged = gauges.acknowledged.get();
        if acknowledged > 0 {
            let began = began.get_or_init(Instant::now);
            bar.set_position(millis(began.elapsed()));
            bar.set_message(format!("{acknowledged} acknowledged"));
        } else {
            bar.set_message(format!("{} enrolled", gauges.enrolled.get()));
        }
    })
}

/// Shows a comparison.
pub(crate) fn verify(done: &Arc<Count>, terminals: usize) -> Progress {
    let done = done.clone();
    let length = u64::try_from(terminals).unwrap_or(u64::MAX);
    Progress::start(length, "{bar:40} {pos} of {len} terminals compared", move |bar| {
        bar.set_position(done.get());
    })
}

/// Shows a fleet.
pub(crate) fn fleet(counts: &Arc<FleetCounts>) -> Progress {
    let counts = counts.clone();
    Progress::start(0, "{elapsed_precise} {msg}", move |bar| {
        let now = counts.report();
        bar.set_message(format!(
            "{} enrolled, {} acknowledged, {} refused, {} unanswered, {} troubles",
            now.enrolled, now.acknowledged, now.refused, now.unanswered, now.troubles
        ));
    })
}
