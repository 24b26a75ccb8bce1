//! Logs in CloudWatch.

use std::sync::Arc;

use serde_json::{Value, json};
use tms_aws::{
    Aws,
    cloudwatch_logs::{LogDestination, LogSink, channel},
};
use tms_core::time::SystemClock;
use tokio::{sync::oneshot, task::JoinHandle};
use tracing_subscriber::{fmt::layer, layer::SubscriberExt};

use crate::{
    faulty::{Faulty, Way},
    stand_in::{SECRET, aws, call, hurried, signed, unique, url},
};

struct Running {
    sink: LogSink,
    to: LogDestination,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(aws: &Aws) -> Self {
        let (sink, shipper) = channel(Arc::new(SystemClock));
        let to = LogDestination {
            group: unique("group"),
            stream: "node-1".to_owned(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (aws, place) = (aws.clone(), to.clone());
        let task = tokio::spawn(async move {
            shipper.run(&aws, &place, async { _ = stopped.await }).await;
        });
        Self { sink, to, stop, task }
    }

    async fn end(self) -> (LogSink, LogDestination) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        (self.sink, self.to)
    }
}

async fn lines(url: &str, to: &LogDestination) -> Vec<String> {
    let (mut found, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut body = json!({ "logGroupName": to.group, "logStreamName": to.stream, "startFromHead": true });
        if !token.is_null() {
            body["nextToken"] = token.clone();
        }
        let answer = call(url, "logs", "Logs_20140328.GetLogEvents", &body).await;
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        found.extend(events.iter().map(|event| event["message"].as_str().unwrap().to_owned()));
        if events.is_empty() || answer["nextForwardToken"] == token {
            return found;
        }
        token = answer["nextForwardToken"].clone();
    }
}

#[tokio::test]
async fn events_become_lines_of_a_group_that_is_made_if_need_be() {
    let Some(url) = url() else { return };
    let running = Running::start(&aws(&url).await);
    let layer = layer().json().flatten_event(true).with_writer(running.sink.clone());
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(terminal.id = 7, "結果 ok");
        tracing::error!("second\nline");
    });
    let (sink, to) = running.end().await;
    let found = lines(&url, &to).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let first: Value = serde_json::from_str(&found[0]).unwrap();
    assert_eq!(
        (&first["message"], &first["terminal.id"], &first["level"]),
        (&json!("結果 ok"), &json!(7), &json!("INFO"))
    );
    let counts = sink.counts();
    assert_eq!((counts.sent, counts.dropped, counts.rejected), (2, 0, 0));
}

#[tokio::test]
async fn more_than_a_batch_arrives_whole_and_in_order() {
    let Some(url) = url() else { return };
    let running = Running::start(&aws(&url).await);
    for n in 0..3_000 {
        running.sink.push(&format!("{n:04} {}", "x".repeat(1_000)));
    }
    let (sink, to) = running.end().await;
    let found = lines(&url, &to).await;
    assert_eq!((found.len(), sink.counts().sent), (3_000, 3_000));
    let numbers: Vec<usize> = found.iter().map(|line| line[..4].parse().unwrap()).collect();
    assert!(numbers.is_sorted());
}

#[tokio::test]
async fn a_line_that_is_too_long_is_cut_and_nothing_is_no_line() {
    let Some(url) = url() else { return };
    let running = Running::start(&aws(&url).await);
    running.sink.push(&"件".repeat(200_000));
    running.sink.push(" \n");
    let (_, to) = running.end().await;
    let found = lines(&url, &to).await;
    assert_eq!(found.len(), 1);
    assert!(
        found[0].len() > 262_000 && found[0].len() <= 262_144 - 26,
        "{}",
        found[0].len()
    );
}

#[tokio::test]
async fn lines_wait_while_aws_is_away_and_what_has_no_room_is_counted() {
    let Some(url) = url() else { return };
    let faulty = Faulty::before(&url, &[], Way::Closed).await;
    let running = Running::start(&signed(&faulty.url(), SECRET, hurried()).await);
    let total = 40_000;
    let begun = std::time::Instant::now();
    for n in 0..total {
        running.sink.push(&format!("line {n}"));
    }
    assert!(begun.elapsed().as_secs() < 5, "a log never waits");
    let dropped = running.sink.counts().dropped;
    assert!(dropped > 0 && dropped < total, "{dropped}");
    while faulty.connections() < 2 {
        tokio::task::yield_now().await;
    }
    faulty.then(Way::Free);
    while running.sink.counts().sent + running.sink.counts().dropped < total {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (sink, to) = running.end().await;
    let counts = sink.counts();
    assert_eq!((counts.sent + counts.dropped, counts.rejected), (total, 0));
    assert_eq!(lines(&url, &to).await.len() as u64, counts.sent, "each once");
}

#[tokio::test]
async fn what_was_not_sent_at_the_end_is_counted() {
    let Some(url) = url() else { return };
    let faulty = Faulty::before(&url, &[], Way::Silent).await;
    let running = Running::start(&signed(&faulty.url(), SECRET, hurried()).await);
    running.sink.push("lost");
    let (sink, _) = running.end().await;
    let counts = sink.counts();
    assert_eq!((counts.sent, counts.dropped), (0, 1));
}
