//! Where the stand-in for AWS is, and clients of it.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use serde_json::Value;
use tms_aws::{Aws, AwsSettings, Patience};

pub const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET: &str = "a secret key of the stand-in";

/// Returns the address of the stand-in; `None` skips, unless it must be there.
#[expect(clippy::disallowed_methods, reason = "a test reads where its stand-in is")]
pub fn url() -> Option<String> {
    let url = std::env::var("TMS_TEST_AWS_URL").ok();
    assert!(
        url.is_some() || std::env::var("TMS_REQUIRE_AWS").is_err(),
        "TMS_REQUIRE_AWS is set, but TMS_TEST_AWS_URL is not"
    );
    if url.is_none() {
        eprintln!("skipped: TMS_TEST_AWS_URL is not set");
    }
    // One TLS provider for every client of the process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    url
}

/// So that tests of what is slow are not.
pub fn hurried() -> Patience {
    Patience {
        connect: Duration::from_millis(500),
        attempt: Duration::from_millis(700),
        operation: Duration::from_secs(5),
        attempts: 3,
        most_rest: Duration::from_millis(20),
    }
}

/// Makes clients of what listens at `url`, who sign with this key.
pub async fn signed(url: &str, secret: &str, patience: Patience) -> Aws {
    let begun = aws_config::defaults(BehaviorVersion::latest())
        .empty_test_environment()
        .credentials_provider(Credentials::new(KEY, secret, None, None, "test"));
    let settings = AwsSettings {
        region: Some("ap-northeast-1".to_owned()),
        endpoint_url: Some(url.to_owned()),
        is_path_style: true,
        patience,
    };
    Aws::load_with(begun, &settings).await
}

/// Makes clients of the stand-in.
pub async fn aws(url: &str) -> Aws {
    signed(url, SECRET, Patience::default()).await
}

/// Calls the stand-in in the JSON form of AWS, as another program would.
pub async fn call(url: &str, service: &str, target: &str, body: &Value) -> Value {
    let scope = format!("{KEY}/20260101/ap-northeast-1/{service}/aws4_request");
    let answer = reqwest::Client::new()
        .post(url)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{target}: {text}"))
}

/// Returns a name that no other test has.
pub fn unique(what: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{what}-{}-{count}", std::process::id())
}
