//! Two servers on one database behave as one.

use std::time::Duration;

use serde_json::json;

use crate::server::{Operator, PASSWORD, Setting, beat, cluster, enrol, psql, until};

const SERIAL: &str = "TC-200-001";

#[tokio::test]
async fn a_terminal_that_is_retired_on_one_node_is_refused_by_the_other_within_a_second() {
    let Some(setting) = Setting::postgres("revoke") else {
        return;
    };
    setting.prepare();
    let (a, b) = (setting.start().await, setting.start().await);
    let token = enrol(&setting, &a, SERIAL).await;
    let (at_a, at_b) = (Operator::holding(&a, &token), Operator::holding(&b, &token));
    assert_eq!(beat(&at_a, SERIAL, 1).await, 200);
    assert_eq!(beat(&at_b, SERIAL, 2).await, 200);
    let operator = a.sign_in().await;
    let terminal = operator.get("/terminals").await["data"][0]["id"].as_i64().unwrap();
    let http = reqwest::Client::new();
    let login = serde_json::json!({ "username": "root", "password": crate::server::PASSWORD });
    let login: serde_json::Value = http
        .post(format!("{}/api/v1/auth/login", a.url()))
        .json(&login)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let path = format!("{}/api/v1/terminals/{terminal}", a.url());
    let bearer = login["access_token"].as_str().unwrap();
    let seen = http.get(&path).bearer_auth(bearer).send().await.unwrap();
    let etag = seen.headers()["etag"].clone();
    let retired = http
        .delete(&path)
        .bearer_auth(bearer)
        .header("If-Match", etag)
        .send()
        .await
        .unwrap();
    assert_eq!(retired.status(), 204);
    until(Duration::from_secs(1), "refused by the other node", async || {
        beat(&at_b, SERIAL, 3).await == 401
    })
    .await;
    assert_eq!(beat(&at_a, SERIAL, 4).await, 401);
}

#[tokio::test]
async fn a_token_that_is_rotated_twice_on_one_node_is_refused_by_the_other_within_a_second() {
    let Some(setting) = Setting::postgres("rotate") else {
        return;
    };
    setting.prepare();
    let (a, b) = (setting.start().await, setting.start().await);
    let first = enrol(&setting, &a, SERIAL).await;
    let at_b = Operator::holding(&b, &first);
    assert_eq!(beat(&at_b, SERIAL, 1).await, 200);
    let rotate = async |token: &str| {
        let (status, answer) = Operator::holding(&a, token)
            .post("/agent/token/rotate", &json!({}))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["agent_token"].as_str().unwrap().to_owned()
    };
    let second = rotate(&first).await;
    assert_eq!(beat(&at_b, SERIAL, 2).await, 200, "the one before is good for a while");
    let third = rotate(&second).await;
    until(Duration::from_secs(1), "refused by the other node", async || {
        beat(&at_b, SERIAL, 3).await == 401
    })
    .await;
    assert_eq!(beat(&Operator::holding(&b, &third), SERIAL, 4).await, 200);
}

#[tokio::test]
async fn twenty_refreshes_of_one_token_on_two_nodes_are_one_family() {
    let Some(setting) = Setting::postgres("refresh") else {
        return;
    };
    setting.prepare();
    let (a, b) = (setting.start().await, setting.start().await);
    let login = json!({ "username": "root", "password": PASSWORD });
    let (_, pair) = Operator::holding(&a, "").post("/auth/login", &login).await;
    let shown = json!({ "refresh_token": pair["refresh_token"] });
    let ask = async |n: usize| {
        let node = if n.is_multiple_of(2) { &a } else { &b };
        Operator::holding(node, "").post("/auth/refresh", &shown).await
    };
    let answers = futures::future::join_all((0..20).map(ask)).await;
    for (status, answer) in &answers {
        assert_eq!(*status, 200, "{answer}");
        assert_eq!(answer["refresh_token"], answers[0].1["refresh_token"]);
        let holder = Operator::holding(&b, answer["access_token"].as_str().unwrap());
        assert_eq!(holder.status("/auth/me").await, 200);
    }
    let next = json!({ "refresh_token": answers[0].1["refresh_token"] });
    assert_eq!(Operator::holding(&b, "").post("/auth/refresh", &next).await.0, 200);
}

#[tokio::test]
async fn a_person_who_is_disabled_on_one_node_is_refused_by_the_other_within_a_second() {
    let Some(setting) = Setting::postgres("people") else {
        return;
    };
    setting.prepare();
    a_disabled_person_is_refused_by_the_other_node(setting).await;
}

/// With whatever two nodes share.
pub async fn a_disabled_person_is_refused_by_the_other_node(setting: Setting) {
    let (a, b) = (setting.start().await, setting.start().await);
    let root = a.sign_in().await;
    let (status, made) = root
        .post("/users", &json!({ "username": "second", "role": "operator" }))
        .await;
    assert_eq!(status, 201, "{made}");
    let password = json!({ "token": made["password_link"]["token"], "new_password": PASSWORD });
    assert_eq!(
        Operator::holding(&b, "")
            .post("/auth/password/reset", &password)
            .await
            .0,
        204
    );
    let login = json!({ "username": "second", "password": PASSWORD });
    let (_, pair) = Operator::holding(&b, "").post("/auth/login", &login).await;
    let second = Operator::holding(&b, pair["access_token"].as_str().unwrap());
    let wish = json!({ "name": "nagios", "scopes": ["terminal.read"] });
    let (_, token) = second.post("/auth/tokens", &wish).await;
    let program = Operator::holding(&b, token["token"].as_str().unwrap());
    for held in [&second, &program] {
        held.get("/terminals").await;
    }
    setting.json(&["user", "disable", "--username", "second", "--json"], "");
    for held in [&second, &program] {
        until(Duration::from_secs(1), "refused by the other node", async || {
            held.status("/terminals").await == 401
        })
        .await;
    }
}

#[tokio::test]
async fn each_status_change_is_recorded_once_and_another_leader_takes_over() {
    if cluster().is_none() {
        return;
    }
    let setting = Setting::postgres("lead").unwrap();
    let setting = setting
        .with("TMS_DEFAULT_INTERVAL_S", "1")
        .with("TMS_LOST_GRACE_S", "1");
    setting.prepare();
    let (a, b) = (setting.start().await, setting.start().await);
    let url = setting.value("DATABASE_URL");
    let token = enrol(&setting, &a, SERIAL).await;
    for round in 1..=3_i64 {
        let node = if round % 2 == 0 { &a } else { &b };
        assert_eq!(beat(&Operator::holding(node, &token), SERIAL, round).await, 200);
        let operator = node.sign_in().await;
        until(Duration::from_secs(10), "offline", async || {
            operator.get("/terminals").await["data"][0]["status"] == "offline"
        })
        .await;
        // An alert follows from state: a terminal that is back before anybody looked would leave none.
        until(Duration::from_secs(10), "an alert", async || {
            psql(&url, "SELECT count(*) FROM alert") == round.to_string()
        })
        .await;
        let changes = psql(&url, "SELECT count(*) FROM status_change");
        assert_eq!(
            changes,
            (2 * round).to_string(),
            "one to online and one to offline in each round"
        );
    }
    assert_eq!(psql(&url, "SELECT count(*) FROM lease"), "1");
    // Whichever node led, the other one leads on when it is gone.
    let survivor = a.sign_in().await;
    b.kill();
    assert_eq!(beat(&Operator::holding(&a, &token), SERIAL, 4).await, 200);
    until(Duration::from_secs(20), "offline again", async || {
        survivor.get("/terminals").await["data"][0]["status"] == "offline"
    })
    .await;
}
