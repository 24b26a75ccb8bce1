//! Secrets from Secrets Manager.

use serde_json::json;
use tms_aws::{
    FaultKind,
    secrets::{SecretName, read},
};

use crate::{
    faulty::{Faulty, Way},
    stand_in::{SECRET, aws, call, hurried, signed, unique, url},
};

async fn keep(url: &str, name: &str, text: &str) -> String {
    let body = json!({ "Name": name, "SecretString": text, "ClientRequestToken": "0123456789abcdef0123456789abcdef" });
    let made = call(url, "secretsmanager", "secretsmanager.CreateSecret", &body).await;
    made["ARN"].as_str().unwrap().to_owned()
}

fn named(text: &str) -> SecretName {
    text.parse().unwrap()
}

#[tokio::test]
async fn secrets_are_read_by_name_by_arn_and_by_field() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let (plain, document) = (unique("tms/key"), unique("tms/db"));
    let arn = keep(&url, &plain, "hush").await;
    keep(
        &url,
        &document,
        r#"{"username": "tms", "password": "p@ss", "port": 5432}"#,
    )
    .await;
    let wanted = [
        &plain,
        &arn,
        &format!("{document}#password"),
        &format!("{document}#port"),
        &format!("{document}#none"),
        &unique("none"),
    ];
    let wanted = wanted.map(|text| named(text));
    let answers = read(&aws, &wanted).await;
    let got = |n: usize| answers[&wanted[n]].clone().map(|secret| secret.expose().clone());
    assert_eq!(
        [got(0).unwrap(), got(1).unwrap(), got(2).unwrap(), got(3).unwrap()],
        ["hush", "hush", "p@ss", "5432"]
    );
    assert_eq!(got(4).unwrap_err().kind, FaultKind::Refused);
    assert_eq!(got(5).unwrap_err().kind, FaultKind::Missing);
    assert!(
        !format!("{answers:?}").contains("hush"),
        "nothing that is logged tells a secret"
    );
}

#[tokio::test]
async fn what_can_not_be_read_is_told_in_time() {
    let Some(url) = url() else { return };
    let name = unique("tms/key");
    keep(&url, &name, "hush").await;
    for (way, kind) in [
        (
            Way::Answer(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
            FaultKind::Throttled,
        ),
        (
            Way::Answer(400, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#),
            FaultKind::Denied,
        ),
        (Way::Answer(500, "{}"), FaultKind::Unavailable),
        (Way::Silent, FaultKind::Unavailable),
        (Way::Closed, FaultKind::Unavailable),
    ] {
        let faulty = Faulty::before(&url, &[], way).await;
        let aws = signed(&faulty.url(), SECRET, hurried()).await;
        let answers = read(&aws, &[named(&name)]).await;
        assert_eq!(answers[&named(&name)].clone().unwrap_err().kind, kind, "{way:?}");
        faulty.then(Way::Free);
        assert_eq!(
            read(&aws, &[named(&name)]).await[&named(&name)]
                .clone()
                .unwrap()
                .expose(),
            "hush"
        );
    }
}
