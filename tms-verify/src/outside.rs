//! What everybody can see: health, readiness, certificate, headers, and what must not be seen.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tms_core::time::Timestamp;

use crate::{
    Target,
    certificate::not_after,
    report::{Report, Seen},
    visitor::{Answer, Visitor, send},
};

/// A certificate with less left than this should have been renewed.
const SOON_DAYS: i64 = 14;
/// The header that names a request.
const REQUEST_ID: &str = "x-request-id";
const SENT_ID: &str = "tms-verify";

/// Tells whether there is a server at all.
pub(crate) async fn answers(visitor: &Visitor, report: &mut Report) -> bool {
    let answer = visitor.get("/health/").await;
    let is_there = answer.is_ok();
    report.note("health", health(answer));
    is_there
}

fn health(answer: Result<Answer, String>) -> Seen {
    let answer = answer?;
    if answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.body == "draining" {
        return Err("the server is told to stop".to_owned());
    }
    let answer = answer.expect(StatusCode::OK)?;
    if answer.body == "healthy" {
        Ok("healthy".to_owned())
    } else {
        Err("something else than TMS answers /health/; look at the proxy".to_owned())
    }
}

/// Looks at the rest.
pub(crate) async fn look(visitor: &Visitor, target: &Target, report: &mut Report) {
    report.note("readiness", readiness(visitor).await);
    certificate(visitor, target, report).await;
    headers(visitor, report).await;
    report.note("hosts", hosts(visitor).await);
    metrics(visitor, report).await;
    report.note("errors", errors(visitor).await);
}

async fn readiness(visitor: &Visitor) -> Seen {
    let answer = visitor.get("/health/ready").await?;
    let body = answer.json()?;
    let dependencies = body.get("dependencies").and_then(Value::as_array);
    let shown = dependencies.into_iter().flatten().map(|one| {
        let text = |field: &str| one.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
        let problems = one.get("problems").and_then(Value::as_array).into_iter().flatten();
        let problems: Vec<&str> = problems.filter_map(Value::as_str).collect();
        format!("{} {} {}", text("name"), text("status"), problems.join(", "))
            .trim_end()
            .to_owned()
    });
    let shown = shown.collect::<Vec<_>>().join("; ");
    match answer.expect(StatusCode::OK) {
        Ok(_) => Ok(shown),
        Err(_) => Err(format!("not ready: {shown}")),
    }
}

async fn certificate(visitor: &Visitor, target: &Target, report: &mut Report) {
    let base = visitor.base();
    if base.scheme() == "http" {
        if is_loopback(visitor) {
            report.skip("certificate", "http, on this machine");
        } else {
            report.note(
                "certificate",
                Err("http: passwords and tokens go in clear; serve https".to_owned()),
            );
        }
        report.skip("redirect", "http");
        return;
    }
    let now = target.clock.now();
    match visitor.get("/health/").await.and_then(|answer| days_left(&answer, now)) {
        Ok(days) if days < 0 => {
            report.note("certificate", Err("it has expired".to_owned()));
        }
        Ok(days) if days < SOON_DAYS => report.advise("certificate", format!("it ends in {days} days; renew it")),
        other => {
            report.note("certificate", other.map(|days| format!("trusted, {days} days left")));
        }
    }
    if base.port().is_some() {
        report.skip("redirect", "not on the usual port");
        return;
    }
    report.note("redirect", redirect(visitor).await);
}

fn days_left(answer: &Answer, now: Timestamp) -> Result<i64, String> {
    let der = answer.certificate.as_ref().ok_or("no certificate was shown")?;
    let until = not_after(der).ok_or("the certificate can't be read")?;
    Ok((until.as_micros() - now.as_micros()).div_euclid(86_400_000_000))
}

async fn redirect(visitor: &Visitor) -> Seen {
    let mut plain = visitor.base().clone();
    plain.set_scheme("http").map_err(|()| "no such address".to_owned())?;
    let answer = send(visitor.get_of(plain)).await?;
    let to = answer.header("location").unwrap_or_default();
    if answer.status.is_redirection() && to.starts_with("https://") {
        Ok(format!("http leads to {to}"))
    } else {
        Err(format!(
            "http answers {} and does not lead to https",
            answer.status.as_u16()
        ))
    }
}

async fn headers(visitor: &Visitor, report: &mut Report) {
    let request = visitor
        .request(Method::GET, "/api/v1/openapi.json")
        .header(REQUEST_ID, SENT_ID);
    let answer = match send(request).await {
        Ok(answer) => answer,
        Err(why) => {
            report.note("headers", Err(why));
            return;
        }
    };
    let wanted = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", ""),
        ("content-security-policy", ""),
        ("cache-control", ""),
        (REQUEST_ID, SENT_ID),
    ];
    let is_wrong = |(name, value): &(&str, &str)| match answer.header(name) {
        Some(given) => !value.is_empty() && given != *value,
        None => true,
    };
    let wrong: Vec<&str> = wanted
        .iter()
        .filter(|pair| is_wrong(pair))
        .map(|(name, _)| *name)
        .collect();
    if !wrong.is_empty() {
        let why = format!("missing or changed on the way: {}; look at the proxy", wrong.join(", "));
        report.note("headers", Err(why));
    } else if visitor.base().scheme() == "https" && answer.header("strict-transport-security").is_none() {
        report.advise(
            "headers",
            "Strict-Transport-Security is missing; leave TMS_HSTS_S out, name the proxy in TMS_TRUSTED_PROXIES, and let \
             it send X-Forwarded-Proto",
        );
    } else {
        report.note("headers", Ok("as they should be".to_owned()));
    }
}

async fn hosts(visitor: &Visitor) -> Seen {
    let request = visitor
        .request(Method::GET, "/api/v1/openapi.json")
        .header("host", "other.invalid");
    match send(request).await {
        Ok(answer) if answer.status.is_success() => {
            Err("a host that is not ours is served; set ALLOWED_HOSTS".to_owned())
        }
        Ok(answer) => Ok(format!("another host is answered {}", answer.status.as_u16())),
        Err(why) => Ok(format!("another host is not served: {why}")),
    }
}

async fn metrics(visitor: &Visitor, report: &mut Report) {
    match visitor.get("/metrics").await {
        Ok(answer) if !answer.status.is_success() => {
            report.note(
                "metrics",
                Ok(format!("strangers are answered {}", answer.status.as_u16())),
            );
        }
        Ok(_) if is_loopback(visitor) => report.skip("metrics", "open, on this machine"),
        Ok(_) => {
            report.note(
                "metrics",
                Err("everybody can read them; set TMS_METRICS_TOKEN".to_owned()),
            );
        }
        Err(why) => {
            report.note("metrics", Err(why));
        }
    }
}

async fn errors(visitor: &Visitor) -> Seen {
    let unknown = visitor
        .get("/api/v1/no-such-thing")
        .await?
        .expect(StatusCode::NOT_FOUND)?;
    if unknown.json()?.pointer("/error/code").and_then(Value::as_str) != Some("RES_001") {
        return Err("an unknown address has not the error body of TMS; look at the proxy".to_owned());
    }
    visitor
        .get("/api/v1/terminals")
        .await?
        .expect(StatusCode::UNAUTHORIZED)?;
    Ok("unknown is 404, strangers are 401".to_owned())
}

fn is_loopback(visitor: &Visitor) -> bool {
    match visitor.base().host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
