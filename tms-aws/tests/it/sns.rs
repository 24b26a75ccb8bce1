//! Notifications by SNS.

use serde_json::{Value, json};
use tms_aws::SnsNotifier;
use tms_core::{
    notification::{Destination, Letter, Notifier, Target},
    time::Timestamp,
};

use crate::{
    faulty::{Faulty, Way},
    stand_in::{SECRET, aws, call, hurried, signed, unique, url},
};

fn letter() -> Letter {
    Letter {
        id: "alerts-1-2".to_owned(),
        subject: "TMS: [HIGH] TC-200-001: Terminal is offline".to_owned(),
        text: "[HIGH] TC-200-001: Terminal is offline | ABC\n".to_owned(),
        facts: json!({ "type": "alerts", "count": 1 }),
        at: Timestamp::from_secs(1_769_249_400),
    }
}

/// Makes a topic, by the form that people's programs use.
async fn topic(url: &str, name: &str) -> String {
    let fifo = if name.contains(".fifo") {
        "&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true"
    } else {
        ""
    };
    let text = query(url, &format!("Action=CreateTopic&Name={name}{fifo}")).await;
    let (_, rest) = text.split_once("<TopicArn>").unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

async fn query(url: &str, form: &str) -> String {
    let answer = reqwest::Client::new()
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=X/20260101/ap-northeast-1/sns/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(format!("{form}&Version=2010-03-31"))
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}

/// Makes a queue that follows a topic, and returns its address.
async fn queue(url: &str, topic: &str) -> String {
    let (_, name) = topic.rsplit_once(':').unwrap();
    let attributes = if name.contains(".fifo") {
        json!({ "FifoQueue": "true" })
    } else {
        json!({})
    };
    let body = json!({ "QueueName": name, "Attributes": attributes });
    let made = call(url, "sqs", "AmazonSQS.CreateQueue", &body).await;
    let arn = topic.replace(":sns:", ":sqs:");
    query(
        url,
        &format!("Action=Subscribe&TopicArn={topic}&Protocol=sqs&Endpoint={arn}"),
    )
    .await;
    made["QueueUrl"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_letter_arrives() {
    let Some(url) = url() else { return };
    let notifier = SnsNotifier::with(aws(&url).await);
    for name in [unique("alerts"), unique("alerts") + ".fifo"] {
        let topic_arn = topic(&url, &name).await;
        let queue = queue(&url, &topic_arn).await;
        let to = Destination::Sns { topic_arn };
        notifier.send(&to, &letter()).await.unwrap();
        let received = call(&url, "sqs", "AmazonSQS.ReceiveMessage", &json!({ "QueueUrl": queue })).await;
        let messages = received["Messages"].as_array().unwrap();
        assert_eq!(messages.len(), 1, "{received}");
        let envelope: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
        assert_eq!(envelope["Subject"], letter().subject);
        assert_eq!(envelope["MessageAttributes"]["type"]["Value"], "alerts");
        let facts: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
        let expected = json!({ "type": "alerts", "count": 1, "id": "alerts-1-2", "subject": letter().subject });
        assert_eq!(facts, expected, "a queue gets the facts");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_secrets() {
    let Some(url) = url() else { return };
    let notifier = SnsNotifier::with(aws(&url).await);
    let topic_arn = "arn:aws:sns:ap-northeast-1:123456789012:none".to_owned();
    let to = Destination::Sns { topic_arn };
    let missing = notifier.send(&to, &letter()).await.unwrap_err();
    assert!(missing.0.contains("NotFound"), "{missing}");
    for way in [Way::Answer(503, ""), Way::Silent, Way::Closed] {
        let faulty = Faulty::before(&url, &[], way).await;
        let notifier = SnsNotifier::with(signed(&faulty.url(), SECRET, hurried()).await);
        let error = notifier.send(&to, &letter()).await.unwrap_err();
        assert!(!error.0.is_empty() && !error.0.contains(SECRET), "{error}");
        assert!(faulty.connections() >= 2, "it was tried again: {way:?}");
    }
    let host = "h".to_owned();
    assert!(notifier.check(&Target::Slack { host }).is_err());
}
