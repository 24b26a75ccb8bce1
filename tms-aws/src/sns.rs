//! Notifications by SNS: a text for people, and the facts for queues and functions that follow the topic.

use async_trait::async_trait;
use aws_sdk_sns::{Client, types::MessageAttributeValue};
use serde_json::{Value, json};
use tms_core::{
    notification::{Destination, Letter, Notifier, SendError, Target},
    text::InvalidText,
};
use tokio::sync::OnceCell;

use crate::{
    client::{Aws, AwsSettings},
    error::{AwsFault, FaultKind, fault},
};

/// SNS takes 256 KiB with everything; some of it is left for the attributes and how JSON spells a text.
const MOST: usize = 240 * 1024;
/// SNS takes so many characters of a subject.
const SUBJECT: usize = 99;

/// Publishes to topics of SNS. Other targets are not its own.
#[derive(Debug)]
pub struct SnsNotifier {
    settings: AwsSettings,
    aws: OnceCell<Aws>,
}

impl SnsNotifier {
    /// Publishes with these settings; the usual chain is read when the first letter leaves.
    pub fn new(settings: AwsSettings) -> Self {
        Self {
            settings,
            aws: OnceCell::new(),
        }
    }

    /// Publishes with a configuration that was read already.
    pub fn with(aws: Aws) -> Self {
        Self {
            settings: AwsSettings::default(),
            aws: OnceCell::new_with(Some(aws)),
        }
    }

    /// A topic is called in its own region.
    async fn client(&self, topic_arn: &str) -> Client {
        let aws = self.aws.get_or_init(|| Aws::load(&self.settings)).await;
        let region = topic_arn.split(':').nth(3).map(str::to_owned);
        let config = aws_sdk_sns::config::Builder::from(&aws.config);
        Client::from_conf(config.region(region.map(aws_sdk_sns::config::Region::new)).build())
    }

    async fn publish(&self, topic_arn: &str, letter: &Letter) -> Result<(), AwsFault> {
        let request = self.client(topic_arn).await.publish().topic_arn(topic_arn);
        let kind = letter.facts.get("type").and_then(Value::as_str).unwrap_or("other");
        let mut request = request
            .subject(subject(&letter.subject))
            .message_structure("json")
            .message(message(letter).to_string())
            .message_attributes("id", text(&letter.id)?)
            .message_attributes("type", text(kind)?);
        if topic_arn.rsplit_once('.').is_some_and(|(_, kind)| kind == "fifo") {
            // The same message again is the same to the topic, for five minutes.
            request = request.message_group_id("tms").message_deduplication_id(&letter.id);
        }
        request.send().await.map(drop).map_err(|error| fault(&error))
    }
}

fn text(value: &str) -> Result<MessageAttributeValue, AwsFault> {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
        .map_err(|error| AwsFault::new(FaultKind::Refused, error.to_string()))
}

/// Makes of a headline what SNS takes as one: ASCII, one line, short. The text has it as it is.
fn subject(headline: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let subject: String = headline.chars().map(plain).take(SUBJECT).collect();
    if subject.contains("??") {
        // Of Japanese nothing would be left to read.
        "TMS".to_owned()
    } else {
        subject
    }
}

/// Writes what each kind of subscriber gets.
fn message(letter: &Letter) -> Value {
    let readable = format!("{}\n\n{}", letter.subject, letter.text);
    let mut facts = letter.facts.clone();
    if let Value::Object(fields) = &mut facts {
        fields.insert("id".to_owned(), json!(letter.id));
        fields.insert("subject".to_owned(), json!(letter.subject));
    }
    let facts = facts.to_string();
    let full = json!({ "default": readable, "sms": letter.subject, "sqs": facts, "lambda": facts });
    if full.to_string().len() <= MOST {
        return full;
    }
    // Hundreds of alerts at a time: who asks the API gets all of them.
    let short = json!({ "type": "too_many", "id": letter.id, "subject": letter.subject }).to_string();
    json!({ "default": readable, "sms": letter.subject, "sqs": short, "lambda": short })
}

#[async_trait]
impl Notifier for SnsNotifier {
    fn check(&self, target: &Target) -> Result<(), InvalidText> {
        match target {
            Target::Sns { .. } => Ok(()),
            _ => Err(InvalidText("is not a topic of SNS".to_owned())),
        }
    }

    async fn send(&self, to: &Destination, letter: &Letter) -> Result<(), SendError> {
        match to {
            Destination::Sns { topic_arn } => self
                .publish(topic_arn, letter)
                .await
                .map_err(|fault| SendError(format!("SNS: {fault}"))),
            _ => Err(SendError("not a topic of SNS".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test")]

    use tms_core::time::Timestamp;

    use super::*;

    fn letter(subject: &str, facts: Value) -> Letter {
        Letter {
            id: "alerts-1-2".to_owned(),
            subject: subject.to_owned(),
            text: "[HIGH] TC-1: Terminal is offline\n".to_owned(),
            facts,
            at: Timestamp::from_secs(0),
        }
    }

    #[test]
    fn subjects_are_what_sns_takes() {
        assert_eq!(subject("TMS: [HIGH] TC-1"), "TMS: [HIGH] TC-1");
        assert_eq!(subject("TMS: アラート 3 件"), "TMS");
        assert_eq!(subject("a\r\nb"), "TMS");
        assert_eq!(subject(&"x".repeat(500)).len(), SUBJECT);
    }

    #[test]
    fn people_get_a_text_and_programs_get_facts() {
        let message = message(&letter("TMS: 件", json!({ "type": "alerts", "count": 1 })));
        assert_eq!(message["default"], "TMS: 件\n\n[HIGH] TC-1: Terminal is offline\n");
        let facts: Value = serde_json::from_str(message["sqs"].as_str().unwrap_or_default()).unwrap_or_default();
        assert_eq!(
            facts,
            json!({ "type": "alerts", "count": 1, "id": "alerts-1-2", "subject": "TMS: 件" })
        );
    }

    #[test]
    fn what_is_too_long_is_told_shortly() {
        let message = message(&letter("TMS", json!({ "alerts": "x".repeat(200_000) }))).to_string();
        assert!(
            message.len() < MOST && message.contains("too_many"),
            "{}",
            message.len()
        );
    }
}
