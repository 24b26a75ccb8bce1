//! A large fleet in PostgreSQL, and a server over it.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tms_core::{Tms, secret::Secret};
use tms_http::{HttpSettings, ServeSettings};

const PASSWORD: &str = "a password for a run";

/// Tells whether an earlier run left a fleet in the database.
pub async fn is_filled(url: &str) -> Result<bool> {
    let mut connection = PgConnection::connect(url).await?;
    let statement = "SELECT EXISTS (SELECT 1 FROM terminal)";
    Ok(sqlx::query_scalar(statement).fetch_one(&mut connection).await?)
}

/// Makes a fleet whose statuses, customers and shops are spread as in a real one.
pub async fn fill(url: &str, terminals: u32) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let customers = (terminals / 100).max(1);
    let steps = [
        format!(
            "INSERT INTO customer (company_name, contract_type, is_active, search_key, created_at, updated_at, revision) \
             SELECT 'Customer ' || n, 'standard', true, 'customer ' || n, now(), now(), 1 \
             FROM generate_series(1, {customers}) n"
        ),
        // Statuses as in a fleet: most are online; shops have two terminals each.
        format!(
            "INSERT INTO terminal (serial_number, customer_id, model, store_name, store_code, heartbeat_interval_s, \
             auto_update_enabled, lifecycle, status, firmware_version, created_at, updated_at, revision) \
             SELECT 'TC-200-' || lpad(n::text, 7, '0'), 1 + n % {customers}, CASE WHEN n % 5 = 0 THEN 'TC-300' ELSE 'TC-200' END, \
             'Shop ' || n / 2, (n / 2)::text, 300, true, 'active', \
             CASE WHEN n % 50 = 0 THEN 'offline' WHEN n % 97 = 0 THEN 'error' WHEN n % 501 = 0 THEN 'maintenance' ELSE 'online' END, \
             '2.0.' || n % 7, now(), now(), 1 FROM generate_series(1, {terminals}) n"
        ),
        "INSERT INTO terminal_search SELECT id, lower(serial_number) || ' ' || lower(store_name) || \
         CASE WHEN id % 1000 = 0 THEN ' しんじゅく' ELSE '' END FROM terminal"
            .to_owned(),
        "INSERT INTO terminal_presence (terminal_id, customer_id, config_version, status_since, first_seen, interval_s, \
         raised, alerted, breached, device_code, is_active, in_maintenance, is_lost, version, last_seen, deadline, \
         agent_time, seq, uptime_s, transaction_count, next_s, cpu_percent, memory_percent, disk_percent, \
         temperature_c, status, device, boot, past_boots, firmware_version, agent_version, ip_address, breaches) \
         SELECT id, customer_id, 1, now(), now(), 300, CASE WHEN status = 'offline' THEN 1 ELSE 0 END, \
         CASE WHEN status = 'offline' THEN 1 ELSE 0 END, 0, 0, true, status = 'maintenance', status = 'offline', 1, \
         now() - (id * 7919 % 300000) * interval '1 ms', \
         now() + interval '1 day', now(), 1, 86400, 150, 297, 45, 60, 30, 35, status, \
         CASE WHEN status = 'error' THEN 'absent' ELSE 'ok' END, 'boot-1', '', firmware_version, '1.0.0', '192.168.1.100', '' \
         FROM terminal"
            .to_owned(),
        "INSERT INTO terminal_count SELECT customer_id, status, count(*) FROM terminal GROUP BY 1, 2".to_owned(),
        "INSERT INTO alert (terminal_id, customer_id, cause, severity, state, details, occurrences, created_at, revision) \
         SELECT id, customer_id, 'offline', 'HIGH', 'open', '{}', 1, now(), 1 FROM terminal WHERE status = 'offline'"
            .to_owned(),
        "VACUUM ANALYZE".to_owned(),
    ];
    for step in steps {
        connection.execute(AssertSqlSafe(step)).await?;
    }
    Ok(())
}

/// Serves the API on a port of its own; returns its address and the token of an administrator.
pub async fn serve(tms: &Tms) -> Result<(String, String)> {
    let (role, password) = (tms_core::permission::Role::Admin, Secret::new(PASSWORD.to_owned()));
    let request = tms_core::operator::users::UserRequest::with_password("root", role, password);
    match tms.users().create(&tms.system_ctx(), request).await {
        // An earlier run made it.
        Err(tms_core::Error::Conflict(_)) => {}
        made => drop(made?),
    }
    let mut http = HttpSettings::new("a key of thirty-two characters or more");
    http.rate_limits = false;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let router = tms_http::router(tms.clone(), http);
    tokio::spawn(tms_http::serve(
        listener,
        router,
        ServeSettings::default(),
        std::future::pending(),
    ));
    let body = serde_json::json!({ "username": "root", "password": PASSWORD });
    let answer = reqwest::Client::new()
        .post(format!("{base}/api/v1/auth/login"))
        .json(&body)
        .send()
        .await?;
    let answer: serde_json::Value = answer.json().await?;
    let token = answer
        .get("access_token")
        .and_then(serde_json::Value::as_str)
        .context("signing in")?;
    Ok((format!("{base}/api/v1"), token.to_owned()))
}
