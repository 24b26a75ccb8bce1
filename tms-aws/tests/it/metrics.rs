//! Metrics in CloudWatch.

use aws_sdk_cloudwatch::{
    Client,
    primitives::DateTime,
    types::{Dimension, Statistic},
};
use tms_aws::{
    Aws, FaultKind,
    cloudwatch_metrics::{Figure, MetricPublisher, MetricQueue, NAMESPACE, Seen, Unit},
};
use tms_core::time::{Clock, SystemClock};

use crate::{
    faulty::{Faulty, Way},
    stand_in::{SECRET, aws, hurried, signed, unique, url},
};

/// A name of its own: all tests share a namespace.
fn name(what: &str) -> &'static str {
    Box::leak(unique(what).into_boxed_str())
}

fn figure(name: &'static str, value: f64) -> Figure {
    Figure::count(name, SystemClock.now(), value)
}

/// Reads a whole number.
fn whole(value: f64) -> usize {
    format!("{value:.0}").parse().unwrap()
}

/// Asks for the sum, the greatest and the number of samples.
async fn seen(aws: &Aws, url: &str, name: &str, dimension: Option<(&str, &str)>) -> (f64, f64, f64) {
    let _ = aws;
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_cloudwatch::config::Region::new("ap-northeast-1"))
        .endpoint_url(url)
        .credentials_provider(aws_credential_types::Credentials::for_tests())
        .build();
    let now = SystemClock.now().as_micros() / 1_000_000;
    let mut request = Client::from_conf(config)
        .get_metric_statistics()
        .namespace(NAMESPACE)
        .metric_name(name)
        .start_time(DateTime::from_secs(now - 7_200))
        .end_time(DateTime::from_secs(now + 60))
        .period(86_400)
        .statistics(Statistic::Sum)
        .statistics(Statistic::Maximum)
        .statistics(Statistic::SampleCount);
    if let Some((name, value)) = dimension {
        request = request.dimensions(Dimension::builder().name(name).value(value).build());
    }
    let answer = request.send().await.unwrap();
    let [point] = answer.datapoints() else {
        return (0.0, 0.0, 0.0);
    };
    let read = |value: Option<f64>| value.unwrap_or_default();
    (read(point.sum()), read(point.maximum()), read(point.sample_count()))
}

#[tokio::test]
async fn figures_arrive_with_unit_and_dimension() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let queue = MetricQueue::default();
    let (plain, split, many) = (name("Plain"), name("Split"), name("Many"));
    let severity = |severity: &str, value| Figure {
        dimension: Some(("Severity", severity.to_owned())),
        ..figure(split, value)
    };
    let latency = Figure {
        unit: Unit::Milliseconds,
        seen: Seen::Many(vec![(1.0, 10.0), (50.0, 2.0)]),
        ..figure(many, 0.0)
    };
    queue.push([
        figure(plain, 3.0),
        figure(plain, 4.0),
        severity("HIGH", 5.0),
        severity("LOW", 7.0),
        latency,
    ]);
    assert_eq!(MetricPublisher::new(&aws, queue.clone()).flush().await.unwrap(), 5);
    assert!(queue.is_empty());
    assert_eq!(seen(&aws, &url, plain, None).await, (7.0, 4.0, 2.0));
    assert_eq!(whole(seen(&aws, &url, split, Some(("Severity", "HIGH"))).await.0), 5);
    let (_, greatest, _) = seen(&aws, &url, many, None).await;
    assert!((greatest - 50.0).abs() < 0.001, "{greatest}");
}

#[tokio::test]
async fn installations_are_told_apart() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let queue = MetricQueue::default();
    let name = name("Ours");
    for (installation, value) in [("tms", 1.0), ("tms-staging", 0.0)] {
        queue.push([figure(name, value)]);
        let publisher = MetricPublisher::new(&aws, queue.clone()).of_installation(Some(installation.to_owned()));
        assert_eq!(publisher.flush().await.unwrap(), 1);
    }
    for (installation, greatest) in [("tms", 1), ("tms-staging", 0)] {
        let found = seen(&aws, &url, name, Some(("Installation", installation))).await;
        assert_eq!((whole(found.1), whole(found.2)), (greatest, 1), "{installation}");
    }
}

#[tokio::test]
async fn a_backlog_goes_in_batches() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let queue = MetricQueue::default();
    let name = name("Backlog");
    queue.push((0..2_500).map(|_| figure(name, 1.0)));
    assert_eq!(MetricPublisher::new(&aws, queue.clone()).flush().await.unwrap(), 2_500);
    assert_eq!(whole(seen(&aws, &url, name, None).await.0), 2_500);
}

#[tokio::test]
async fn figures_wait_while_aws_is_away_and_catch_up() {
    let Some(url) = url() else { return };
    let throttled = Way::Answer(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
    let broken = Way::Answer(500, "");
    for way in [throttled, broken, Way::Silent, Way::Closed] {
        let faulty = Faulty::before(&url, &[], way).await;
        let through = signed(&faulty.url(), SECRET, hurried()).await;
        let queue = MetricQueue::default();
        let publisher = MetricPublisher::new(&through, queue.clone());
        let name = name("Late");
        queue.push([figure(name, 1.0)]);
        let fault = publisher.flush().await.unwrap_err();
        assert!(
            matches!(
                fault.kind,
                FaultKind::Unavailable | FaultKind::Throttled | FaultKind::Refused
            ),
            "{fault:?}"
        );
        queue.push([figure(name, 1.0)]);
        faulty.then(Way::Free);
        let sent = publisher.flush().await.unwrap();
        let dropped = usize::try_from(queue.dropped()).unwrap();
        assert_eq!((sent + dropped, queue.len()), (2, 0), "{way:?}");
        assert_eq!(whole(seen(&through, &url, name, None).await.0), sent);
    }
}
