//! The stand-in for AWS as the tests see it, and a gate before it.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::{JoinHandle, JoinSet},
};

use crate::server::Setting;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// A region of the stand-in, in which nobody else is.
pub struct StandIn {
    pub url: String,
    pub region: &'static str,
    http: reqwest::Client,
}

/// Lets a server use AWS, which is at `url`.
pub fn on_aws(setting: Setting, stand_in: &StandIn, url: &str) -> Setting {
    setting
        .with("AWS_ENDPOINT_URL", url)
        .with("AWS_REGION", stand_in.region)
        .with("AWS_ACCESS_KEY_ID", KEY)
        .with("AWS_SECRET_ACCESS_KEY", "a secret key of the stand-in")
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("TMS_S3_PATH_STYLE", "on")
}

impl StandIn {
    /// Finds the stand-in; `None` skips, unless it must be there.
    #[expect(clippy::disallowed_methods, reason = "a test reads where its stand-in is")]
    pub fn find(region: &'static str) -> Option<Self> {
        let url = std::env::var("TMS_TEST_AWS_URL").ok();
        assert!(
            url.is_some() || std::env::var("TMS_REQUIRE_AWS").is_err(),
            "TMS_REQUIRE_AWS is set, but TMS_TEST_AWS_URL is not"
        );
        if url.is_none() {
            eprintln!("skipped: TMS_TEST_AWS_URL is not set");
        }
        Some(Self {
            url: url?,
            region,
            http: reqwest::Client::new(),
        })
    }

    /// Returns a name that no other test has.
    pub fn unique(what: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{what}-{}-{count}", std::process::id())
    }

    fn signature(&self, service: &str) -> String {
        let scope = format!("{KEY}/20260101/{}/{service}/aws4_request", self.region);
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
    }

    pub async fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let text = self.answer(service, target, body).await;
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{target}: {text}"))
    }

    async fn answer(&self, service: &str, target: &str, body: &Value) -> String {
        let answer = self
            .http
            .post(&self.url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .header("authorization", self.signature(service))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        answer.text().await.unwrap()
    }

    /// Makes a bucket.
    pub async fn bucket(&self) -> String {
        let name = Self::unique("bucket");
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            self.region
        );
        let made = self.http.put(format!("{}/{name}", self.url)).body(place);
        let made = made.header("authorization", self.signature("s3")).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
        name
    }

    /// Gets an object.
    pub async fn object(&self, bucket: &str, key: &str) -> reqwest::Response {
        let get = self.http.get(format!("{}/{bucket}/{key}", self.url));
        let found = get.header("authorization", self.signature("s3")).send().await.unwrap();
        assert!(found.status().is_success(), "{key}: {}", found.status());
        found
    }

    /// Replaces an object, as somebody else would.
    pub async fn put(&self, bucket: &str, key: &str, content: Vec<u8>) {
        let put = self.http.put(format!("{}/{bucket}/{key}", self.url)).body(content);
        let done = put.header("authorization", self.signature("s3")).send().await.unwrap();
        assert!(done.status().is_success());
    }

    /// Changes the last byte of an object.
    pub async fn damage(&self, bucket: &str, key: &str) {
        let mut content = self.object(bucket, key).await.bytes().await.unwrap().to_vec();
        *content.last_mut().unwrap() ^= 1;
        self.put(bucket, key, content).await;
    }

    pub async fn keep_secret(&self, name: &str, text: &str) {
        let body =
            json!({ "Name": name, "SecretString": text, "ClientRequestToken": "0123456789abcdef0123456789abcdef" });
        let made = self.call("secretsmanager", "secretsmanager.CreateSecret", &body).await;
        assert!(made["ARN"].is_string(), "{made}");
    }

    pub async fn topic(&self) -> String {
        let form = format!("Action=CreateTopic&Version=2010-03-31&Name={}", Self::unique("alerts"));
        let made = self.http.post(&self.url).body(form);
        let made = made
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", self.signature("sns"));
        let text = made.send().await.unwrap().text().await.unwrap();
        let (_, rest) = text.split_once("<TopicArn>").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    }

    /// Tells whether a group of the log has a line with this text.
    pub async fn has_logged(&self, group: &str, text: &str) -> bool {
        let body = json!({ "logGroupName": group, "logStreamName": "node-1", "startFromHead": true });
        let answer = self.call("logs", "Logs_20140328.GetLogEvents", &body).await;
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        events
            .iter()
            .any(|event| event["message"].as_str().is_some_and(|line| line.contains(text)))
    }

    async fn statistics(&self, name: &str, dimension: Option<(&str, &str)>) -> Value {
        use tms_core::time::{Clock, SystemClock};

        let now = SystemClock.now().as_micros() / 1_000_000;
        let dimensions: Vec<_> = dimension
            .iter()
            .map(|(name, value)| json!({ "Name": name, "Value": value }))
            .collect();
        let body = json!({
            "Namespace": "TMS", "MetricName": name, "Dimensions": dimensions, "StartTime": now - 7_200,
            "EndTime": now + 60, "Period": 86_400, "Statistics": ["Sum", "SampleCount"],
        });
        let target = "GraniteServiceVersion20100801.GetMetricStatistics";
        // It counts the buckets to answer, and stumbles over one that another test makes meanwhile.
        for _ in 0..50 {
            let text = self.answer("monitoring", target, &body).await;
            if let Ok(answer) = serde_json::from_str::<Value>(&text) {
                return answer["Datapoints"][0].clone();
            }
        }
        panic!("{name}: no answer")
    }

    /// Returns the sum of a metric and how many values there are; others may have been there before.
    pub async fn metric(&self, name: &str, dimension: Option<(&str, &str)>) -> (f64, f64) {
        let seen = self.statistics(name, dimension).await;
        (
            seen["Sum"].as_f64().unwrap_or_default(),
            seen["SampleCount"].as_f64().unwrap_or_default(),
        )
    }

    /// Returns how many samples a metric has whose values are counted.
    pub async fn metric_samples(&self, name: &str) -> u64 {
        let seen = self.statistics(name, None).await;
        let count = seen["SampleCount"].as_f64().unwrap_or_default();
        format!("{count:.0}").parse().unwrap()
    }
}

/// A way to the stand-in that can be shut as if it were killed, and opened at the same address.
pub struct Gate {
    address: SocketAddr,
    target: String,
    task: Mutex<JoinHandle<()>>,
}

impl Gate {
    pub async fn before(url: &str) -> Self {
        let target = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = Mutex::new(tokio::spawn(lead(listener, target.clone())));
        Self { address, target, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends every connection, and refuses new ones.
    pub async fn shut(&self) {
        let mut task = self.task.lock().await;
        task.abort();
        let _ = (&mut *task).await;
    }

    pub async fn open(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        *self.task.lock().await = tokio::spawn(lead(listener, self.target.clone()));
    }
}

async fn lead(listener: TcpListener, target: String) {
    // They end with this task.
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let target = target.clone();
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(target).await {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
