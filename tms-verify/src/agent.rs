//! One heartbeat round trip: a terminal of its own enrols, reports, is seen online, and is retired whatever happens.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tms_core::random::RandomSource;

use crate::{
    Target,
    operator::Operator,
    report::{Report, Seen},
    visitor::send,
};

/// Whose the terminals of these checks are.
const CUSTOMER: &str = "TMS verification";
/// How their serial numbers begin.
const PREFIX: &str = "TMS-VERIFY-";
const MODEL: &str = "TMS-VERIFY";

/// Sends a heartbeat and reads it back.
pub(crate) async fn round_trip(operator: &Operator<'_>, target: &Target, report: &mut Report) {
    let mut terminal = None;
    let seen = enrol_and_beat(operator, target, &mut terminal).await;
    let retired = match terminal {
        Some(id) => retire(operator, id)
            .await
            .map_err(|why| format!("terminal {id} could not be retired: {why}")),
        None => Ok(()),
    };
    report.note("heartbeat", seen.and_then(|seen| retired.map(|()| seen)));
}

async fn enrol_and_beat(operator: &Operator<'_>, target: &Target, terminal: &mut Option<i64>) -> Seen {
    let serial = serial(&*target.random)?;
    let expires_at = target.clock.now().plus(std::time::Duration::from_secs(600));
    let wish = json!({
        "customer_id": customer(operator).await?, "serial_number": serial, "uses": 1,
        "expires_at": expires_at.to_string(),
    });
    let code = operator.post("/enrollment-codes", &wish).await?.json()?;
    let code = code
        .get("code")
        .and_then(Value::as_str)
        .ok_or("the code is not shown")?
        .to_owned();
    let body = json!({ "serial_number": serial, "enrollment_code": code, "model": MODEL });
    let visitor = operator.visitor();
    let answer = send(visitor.request(Method::POST, "/api/v1/agent/register").json(&body)).await?;
    let answer = answer
        .expect(StatusCode::CREATED)
        .map_err(|why| format!("enrolment {why}"))?
        .json()?;
    let id = answer
        .get("terminal_id")
        .and_then(Value::as_i64)
        .ok_or("no terminal_id")?;
    *terminal = Some(id);
    let token = answer
        .get("agent_token")
        .and_then(Value::as_str)
        .ok_or("no agent_token")?;
    let body = json!({
        "serial_number": serial, "timestamp": target.clock.now().to_string(), "status": "online",
        "device": { "state": "ok", "error_code": 0 },
    });
    let begun = std::time::Instant::now();
    let beat = visitor
        .request(Method::POST, "/api/v1/agent/heartbeat")
        .bearer_auth(token)
        .json(&body);
    send(beat)
        .await?
        .expect(StatusCode::OK)
        .map_err(|why| format!("the heartbeat {why}"))?;
    let took = begun.elapsed();
    let view = operator.get(&format!("/terminals/{id}")).await?.json()?;
    match view.get("status").and_then(Value::as_str) {
        Some("online") => Ok(format!(
            "{serial} is online, acknowledged in {} ms, retired again",
            took.as_millis()
        )),
        other => Err(format!("after its heartbeat {serial} is {other:?} instead of online")),
    }
}

async fn customer(operator: &Operator<'_>) -> Result<i64, String> {
    let found = operator
        .get("/customers?search=TMS%20verification&per_page=100")
        .await?
        .json()?;
    let rows = found.get("data").and_then(Value::as_array).into_iter().flatten();
    let mut ours = rows.filter(|row| row.get("company_name").and_then(Value::as_str) == Some(CUSTOMER));
    if let Some(id) = ours.find_map(|row| row.get("id").and_then(Value::as_i64)) {
        return Ok(id);
    }
    let notes = "Terminals that `tms verify` enrols and retires after a deployment.";
    let made = operator
        .post("/customers", &json!({ "company_name": CUSTOMER, "notes": notes }))
        .await?
        .json()?;
    made.get("id")
        .and_then(Value::as_i64)
        .ok_or_else(|| "the customer has no id".to_owned())
}

async fn retire(operator: &Operator<'_>, id: i64) -> Result<(), String> {
    let path = format!("/terminals/{id}");
    let view = operator.get(&path).await?;
    let tag = view.header("etag").ok_or("it has no ETag")?;
    let request = operator.request(Method::DELETE, &path).header("if-match", tag);
    send(request).await?.expect(StatusCode::NO_CONTENT).map(drop)
}

fn serial(random: &dyn RandomSource) -> Result<String, String> {
    let mut bytes = [0_u8; 8];
    random.fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(format!("{PREFIX}{:016X}", u64::from_be_bytes(bytes)))
}
