//! The clients against a socket that answers what it is told to and remembers what it was asked.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::{AgentClient, ClientError, OperatorClient, http_client, operator::Told};
use crate::wire::{
    account::Confirmation,
    agent::{HeartbeatRequest, LogLine, RegisterRequest},
    auth::LoginRequest,
    event::EventQuery,
    history::MetricsRow,
    terminal::{TerminalPatch, TerminalQuery},
    user::UserCreate,
};

/// A request as it came: the first line, the headers that matter, the body.
#[derive(Debug, Clone)]
struct Asked {
    line: String,
    authorization: String,
    head: String,
    body: String,
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// Answers the requests one after the other with a status, extra headers and a body.
async fn server(answers: Vec<(u16, &'static str, Value)>) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let asked = log.clone();
    tokio::spawn(async move {
        for (status, headers, body) in answers {
            // Each answer closes its connection, so that requests are counted one by one.
            let (mut stream, _) = listener.accept().await.unwrap();
            asked.lock().await.push(read(&mut stream).await);
            // A text goes out as it is.
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, log)
}

async fn read(stream: &mut TcpStream) -> Asked {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 1024];
        let count = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        let length: usize = header("content-length:").parse().unwrap_or(0);
        if body.len() == length {
            return Asked {
                line: head.lines().next().unwrap().to_owned(),
                authorization: header("authorization:"),
                head: head.to_owned(),
                body: body.to_owned(),
            };
        }
    }
}

fn http() -> reqwest::Client {
    http_client(Duration::from_secs(5)).unwrap()
}

fn tokens(access: &str, refresh: &str) -> Value {
    json!({"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 900,
        "user": {"id": 1, "username": "mika", "full_name": "Mika", "role": "admin", "email": null}})
}

fn list(rows: &[Value], next: Option<&str>) -> Value {
    json!({"data": rows, "meta": {"per_page": 100, "next_cursor": next}, "links": {}})
}

#[tokio::test]
async fn an_agent_enrols_reports_logs_and_rotates() {
    let enrolled = json!({"terminal_id": 7, "agent_token": "tms_ag_1", "heartbeat_interval": 300, "server_time": "t",
        "config": {"version": 1, "log_level": "INFO", "auto_update": true}});
    let heard = json!({"status": "acknowledged", "server_time": "t", "next_heartbeat": 297, "config_version": 8});
    let rotated = json!({"agent_token": "tms_ag_2", "previous_valid_until": "t"});
    let (address, log) = server(vec![
        (201, "", enrolled),
        (200, "", heard.clone()),
        (200, "", json!({"status": "received", "count": 1})),
        (200, "", rotated),
        (200, "", heard),
    ])
    .await;
    let request = RegisterRequest {
        serial_number: "A-1".to_owned(),
        ..RegisterRequest::default()
    };
    let (mut agent, answer) = AgentClient::register(http(), &format!("{address}/"), &request)
        .await
        .unwrap();
    assert_eq!((answer.terminal_id, agent.token()), (7, "tms_ag_1"));
    let beat = HeartbeatRequest {
        serial_number: "A-1".into(),
        timestamp: "t".into(),
        status: "online".into(),
        ..HeartbeatRequest::default()
    };
    assert_eq!(agent.heartbeat(&beat).await.unwrap().next_heartbeat, 297);
    assert_eq!(agent.logs(vec![LogLine::default()]).await.unwrap().count, 1);
    agent.rotate().await.unwrap();
    agent.heartbeat(&beat).await.unwrap();

    let asked = log.lock().await.clone();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    let post = |path: &str| format!("POST /api/v1/agent/{path} HTTP/1.1");
    assert_eq!(
        lines,
        ["register", "heartbeat", "logs", "token/rotate", "heartbeat"].map(post)
    );
    assert_eq!(asked[0].authorization, "");
    assert_eq!(asked[1].authorization, "Bearer tms_ag_1");
    assert!(asked[1].head.contains("x-terminal-serial: A-1"));
    assert_eq!(
        asked[1].body,
        r#"{"serial_number":"A-1","timestamp":"t","status":"online"}"#
    );
    assert_eq!(asked[4].authorization, "Bearer tms_ag_2");
}

#[tokio::test]
async fn an_ended_session_is_renewed_once_on_the_way() {
    let refused = json!({"error": {"code": "AUTH_002", "message": "expired"}});
    let (address, log) = server(vec![
        (200, "", tokens("at1", "rt1")),
        (401, "", refused.clone()),
        (200, "", tokens("at2", "rt2")),
        (200, "", list(&[], None)),
        (401, "", refused.clone()),
        (200, "", tokens("at3", "rt3")),
        (401, "", refused),
    ])
    .await;
    let operator = OperatorClient::login(http(), &address, "mika", "hunter2hunter2")
        .await
        .unwrap();
    let query = TerminalQuery {
        status: Some("error".to_owned()),
        ..TerminalQuery::default()
    };
    assert!(operator.terminals(&query).await.unwrap().data.is_empty());
    let error = operator.terminals(&query).await.unwrap_err();
    assert_eq!(error.status(), Some(401), "a second refusal is told");

    let asked = log.lock().await.clone();
    let seen: Vec<&str> = asked.iter().map(|asked| asked.authorization.as_str()).collect();
    assert_eq!(
        seen,
        ["", "Bearer at1", "", "Bearer at2", "Bearer at2", "", "Bearer at3"]
    );
    assert_eq!(asked[1].line, "GET /api/v1/terminals?status=error HTTP/1.1");
    assert_eq!(asked[5].body, r#"{"refresh_token":"rt2"}"#);
}

#[tokio::test]
async fn a_list_is_walked_to_its_end() {
    let row = |seq: i64| {
        json!({"timestamp": "t", "received_at": "t", "seq": seq, "device": {"state": "ok", "error_code": 0},
        "metrics": {}})
    };
    let (address, log) = server(vec![
        (200, "", list(&[row(3), row(2)], Some("c1"))),
        (503, "retry-after: 3\r\n", json!({})),
        (200, "", list(&[row(1)], None)),
    ])
    .await;
    let operator = OperatorClient::with_token(http(), &address, "tms_pat_1");
    let mut walk = operator.metrics_walk(7, Some("t0"), None);
    let seqs = |rows: Option<Vec<MetricsRow>>| rows.unwrap().iter().filter_map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(seqs(walk.next().await.unwrap()), [3, 2]);
    let error = walk.next().await.unwrap_err();
    assert!(error.is_transient() && error.retry_after() == Some(Duration::from_secs(3)));
    assert_eq!(
        seqs(walk.next().await.unwrap()),
        [1],
        "the same page is asked for again"
    );
    assert_eq!(walk.next().await.unwrap(), None);
    let asked = log.lock().await.clone();
    let path = "GET /api/v1/terminals/7/metrics?resolution=raw&from=t0&per_page=100";
    assert_eq!(asked[0].line, format!("{path} HTTP/1.1"));
    assert_eq!(asked[2].line, format!("{path}&cursor=c1 HTTP/1.1"));
    assert_eq!(asked[0].authorization, "Bearer tms_pat_1");
}

#[tokio::test]
async fn errors_carry_what_the_server_said() {
    let said = json!({"error": {"code": "PRE_001", "message": "stale", "details": null, "field_errors": {"a": ["b"]},
        "request_id": "r", "timestamp": "t"}});
    let (address, log) = server(vec![
        (412, "", said),
        (502, "", json!("not ours")),
        (200, "", json!({"id": 1})),
    ])
    .await;
    let operator = OperatorClient::with_token(http(), &address, "x");
    let patch = TerminalPatch::default();
    let ClientError::Refused {
        status: 412,
        problem: Some(problem),
        ..
    } = operator.patch_terminal(1, "\"5\"", &patch).await.unwrap_err()
    else {
        panic!("not refused");
    };
    assert_eq!(
        (problem.code.as_str(), problem.field_errors["a"][0].as_str()),
        ("PRE_001", "b")
    );
    assert!(log.lock().await[0].head.contains("if-match: \"5\""));
    let foreign = operator.terminal(1).await.unwrap_err();
    assert!(
        matches!(foreign, ClientError::Refused { status: 502, ref problem, .. } if problem.is_none()),
        "{foreign:?}"
    );
    assert!(matches!(
        operator.terminal(1).await.unwrap_err(),
        ClientError::Unreadable(_)
    ));
    let gone = operator.terminal(1).await.unwrap_err();
    assert!(
        matches!(gone, ClientError::Transport(_)) && gone.is_transient(),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_login_with_a_code_a_proof_and_a_new_person() {
    let missing = json!({"error": {"code": "AUTH_004", "message": "more", "details": null, "field_errors": {},
        "request_id": "r", "timestamp": "t"}});
    let person = json!({"id": 7, "username": "new", "full_name": "", "email": null, "role": "viewer", "customer_id": null,
        "is_disabled": false, "has_password": false, "mfa_enabled": false, "created_at": "t",
        "password_link": {"token": "tms_pw_1", "expires_at": "t"}});
    let mut signed_in = tokens("at1", "rt1");
    signed_in["device_token"] = json!("tms_dev_1");
    let (address, log) = server(vec![
        (401, "", missing.clone()),
        (200, "", signed_in),
        (401, "", missing),
        (200, "", json!(null)),
        (201, "", person),
    ])
    .await;
    let mut login = LoginRequest {
        username: "mika".to_owned(),
        password: "hunter2hunter2".to_owned(),
        ..LoginRequest::default()
    };
    let refused = OperatorClient::login_with(http(), &address, &login).await.unwrap_err();
    assert!(refused.needs_proof());
    login.mfa_code = Some("123456".to_owned());
    let (operator, answer) = OperatorClient::login_with(http(), &address, &login).await.unwrap();
    assert_eq!(answer.device_token.as_deref(), Some("tms_dev_1"));
    let new = UserCreate {
        username: "new".to_owned(),
        role: "viewer".to_owned(),
        ..UserCreate::default()
    };
    let refused = operator.create_user(&new).await.unwrap_err();
    assert!(refused.needs_proof(), "renewing the session would prove nothing");
    let proof = Confirmation {
        password: Some("hunter2hunter2".to_owned()),
        ..Confirmation::default()
    };
    operator.confirm(&proof).await.unwrap();
    let made = operator.create_user(&new).await.unwrap();
    assert_eq!(
        (made.user.id, made.password_link.token.as_deref()),
        (7, Some("tms_pw_1"))
    );
    assert!(
        !format!("{made:?}{proof:?}{answer:?}").contains("tms_"),
        "a credential is never printed"
    );
    let lines: Vec<String> = log.lock().await.iter().map(|asked| asked.line.clone()).collect();
    let post = |path: &str| format!("POST /api/v1/{path} HTTP/1.1");
    assert_eq!(
        lines,
        ["auth/login", "auth/login", "users", "auth/confirm", "users"].map(post)
    );
}

#[tokio::test]
async fn a_stream_of_events_goes_on_where_it_was_cut() {
    let block = |id: &str, kind: &str, data: &Value| {
        let event = json!({"type": kind, "position": id, "at": "t", "data": data});
        format!("id: {id}\nevent: {kind}\ndata: {event}\n\n")
    };
    let welcome = "retry: 2000\n: welcome\nid: 0-5\n\n".to_owned();
    let first = welcome.clone() + &block("0-6", "new_alert", &json!({"id": 789})) + "id: 0-7\nevent: new_al";
    let second = block("0-9", "resync", &json!({})) + &block("0-9", "end", &json!({"reason": "closing"}));
    let (address, log) = server(vec![
        (200, "", json!(first)),
        (503, "retry-after: 2\r\n", json!({})),
        (200, "", json!(second)),
        (200, "", json!(block("0-10", "alert_update", &json!({"id": 789})))),
        (403, "", json!({})),
    ])
    .await;
    let operator = OperatorClient::with_token(http(), &address, "x");
    let query = EventQuery {
        types: Some("new_alert,alert_update".to_owned()),
    };
    let mut events = operator.events(query).await.unwrap();
    let Told::Event(raised) = events.next().await.unwrap() else {
        panic!("not an event");
    };
    assert_eq!((&*raised.kind, &raised.data["id"]), ("new_alert", &json!(789)));
    let cut = events.next().await.unwrap_err();
    assert!(matches!(cut, ClientError::Cut(_)) && cut.is_transient(), "{cut:?}");
    let away = events.next().await.unwrap_err();
    assert_eq!(away.retry_after(), Some(Duration::from_secs(2)));
    assert_eq!(events.next().await.unwrap(), Told::Resync);
    let closing = events.next().await.unwrap_err();
    assert_eq!(closing.to_string(), "the stream was cut: closing");
    assert!(matches!(events.next().await.unwrap(), Told::Event(event) if &*event.kind == "alert_update"));
    assert_eq!(events.place(), Some("0-10"));
    assert!(events.next().await.unwrap_err().is_transient());
    let refused = events.next().await.unwrap_err();
    assert!(
        refused.status() == Some(403) && !refused.is_transient(),
        "who may not read is told so: {refused:?}"
    );

    let asked = log.lock().await.clone();
    let line = "GET /api/v1/events?types=new_alert%2Calert_update HTTP/1.1";
    let places: Vec<&str> = asked
        .iter()
        .map(|asked| {
            assert_eq!(asked.line, line);
            let place = asked.head.lines().find_map(|line| line.strip_prefix("last-event-id: "));
            place.unwrap_or_default()
        })
        .collect();
    assert_eq!(places, ["", "0-6", "0-6", "0-9", "0-10"]);
}
