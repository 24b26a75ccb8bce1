//! Secrets from Secrets Manager, each read once however many values come from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use aws_sdk_secretsmanager::Client;
use futures::future::join_all;
use serde_json::Value;
use tms_core::secret::Secret;

use crate::{
    client::Aws,
    error::{AwsFault, FaultKind, fault},
};

/// Names a secret, or one field of a secret that is a JSON document: `NAME-OR-ARN` or `NAME-OR-ARN#FIELD`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName {
    id: String,
    field: Option<String>,
}

/// A text that names no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a secret: write its name or ARN, and #FIELD behind it for a field of a JSON document")]
pub struct InvalidSecretName;

impl FromStr for SecretName {
    type Err = InvalidSecretName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, field) = match text.split_once('#') {
            None => (text, None),
            Some((id, field)) => (id, Some(field)),
        };
        // What Secrets Manager takes as a name, and what an ARN has beside that.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-:!".contains(&byte);
        let is_id = (1..=2_048).contains(&id.len()) && id.bytes().all(is_plain);
        if is_id && field.is_none_or(|field| !field.is_empty()) {
            Ok(Self {
                id: id.to_owned(),
                field: field.map(str::to_owned),
            })
        } else {
            Err(InvalidSecretName)
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        self.field.iter().try_for_each(|field| write!(f, "#{field}"))
    }
}

/// What a secret is, or why it could not be read.
pub type Answer = Result<Secret<String>, AwsFault>;

/// Reads these secrets, all at a time; each has an answer.
pub async fn read(aws: &Aws, names: &[SecretName]) -> BTreeMap<SecretName, Answer> {
    let client = Client::new(&aws.config);
    let ids: BTreeSet<&str> = names.iter().map(|name| name.id.as_str()).collect();
    let read = ids.iter().map(|id| async { (*id, read_one(&client, id).await) });
    let texts: BTreeMap<&str, Answer> = join_all(read).await.into_iter().collect();
    let pick = |name: &SecretName| match texts.get(name.id.as_str()) {
        Some(Ok(text)) => field(text, name.field.as_deref()),
        Some(Err(fault)) => Err(fault.clone()),
        None => Err(AwsFault::new(FaultKind::Missing, "it was not read")),
    };
    names.iter().map(|name| (name.clone(), pick(name))).collect()
}

async fn read_one(client: &Client, id: &str) -> Answer {
    let answer = client.get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| fault(&error))?;
    let text = answer.secret_string.filter(|text| !text.is_empty());
    let no_text = || AwsFault::new(FaultKind::Refused, "it is empty, or binary");
    text.map(Secret::new).ok_or_else(no_text)
}

fn field(text: &Secret<String>, field: Option<&str>) -> Answer {
    let Some(field) = field else { return Ok(text.clone()) };
    let refused = |why: String| AwsFault::new(FaultKind::Refused, why);
    // What a parser says might quote the text.
    let document: Value =
        serde_json::from_str(text.expose()).map_err(|_| refused("it is no JSON document".to_owned()))?;
    match document.get(field) {
        Some(Value::String(value)) if !value.is_empty() => Ok(Secret::new(value.clone())),
        Some(Value::Number(number)) => Ok(Secret::new(number.to_string())),
        Some(Value::Bool(on)) => Ok(Secret::new(on.to_string())),
        Some(_) => Err(refused(format!("its field {field} is no text"))),
        None => Err(refused(format!("it has no field {field}"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn names_read_what_they_print() {
        let arn = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:tms/secret_key-AbCdEf";
        for text in ["tms/secret_key", arn, "tms#password", &format!("{arn}#a#b")] {
            assert_eq!(text.parse::<SecretName>().unwrap().to_string(), text);
        }
        assert_eq!("tms#p".parse::<SecretName>().unwrap().field.as_deref(), Some("p"));
        for wrong in ["", "#x", "tms#", "a b", "a\nb", &"a".repeat(2_049)] {
            assert_eq!(wrong.parse::<SecretName>(), Err(InvalidSecretName), "{wrong:?}");
        }
    }

    #[test]
    fn a_field_is_picked_and_no_fault_tells_the_secret() {
        let text = Secret::new(r#"{"password": "hush", "port": 5432, "on": true, "none": null}"#.to_owned());
        let picked = |name| field(&text, Some(name)).map(|value| value.expose().clone());
        assert_eq!(picked("password").as_deref(), Ok("hush"));
        assert_eq!(picked("port").as_deref(), Ok("5432"));
        assert_eq!(picked("on").as_deref(), Ok("true"));
        assert_eq!(field(&text, None).unwrap(), text);
        let broken = Secret::new("hush".to_owned());
        let faults = [
            picked("none"),
            picked("user"),
            field(&broken, Some("x")).map(|_| String::new()),
        ];
        for fault in faults {
            let fault = fault.unwrap_err();
            assert!(!format!("{fault} {fault:?}").contains("hush"), "{fault}");
        }
    }
}
