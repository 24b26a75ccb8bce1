//! `tms serve`: listens at once, is ready when the database is, and stops without dropping a request.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use serde_json::json;
use tms_core::{
    Tms,
    operator::users::UserRequest,
    permission::Role,
    secret::Secret,
    upkeep::{Health, SchemaState},
};
use tms_http::{HttpSettings, ServeSettings};
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    cloud,
    config::{Config, StoreConfig},
    output::{Output, note},
    telemetry::{self, Losses},
    wire_up::{self, redis::RedisLink},
};

/// The file with the name and first password of the administrator.
pub const SETUP_FILE: &str = "setup-secret.txt";
const FIRST_ADMIN: &str = "admin";

/// Runs the server until SIGTERM or SIGINT.
pub async fn run(config: Config, output: Output) -> anyhow::Result<ExitCode> {
    let mut logs = telemetry::install_logs(&config, output.console())?;
    let node = Node::start(&config, logs.losses()).await?;
    if matches!(config.store, StoreConfig::Sqlite) {
        first_administrator(&config, &node.tms).await?;
    }
    let address = node.listener.local_addr()?;
    note(format_args!("tms listens on http://{address}"));
    note(format_args!("the console is at http://{address}/login"));
    if !config.rate_limits {
        tracing::warn!("TMS_RATE_LIMITS=off: the limits per client are lifted; this is for load tests only");
    }
    let served = node.serve(&config, terminated()?).await;
    logs.end().await;
    served.map(|()| ExitCode::SUCCESS)
}

/// A server that listens already.
pub struct Node {
    /// The facade.
    pub tms: Tms,
    /// Where it listens.
    pub listener: TcpListener,
    http: HttpSettings,
}

impl Node {
    /// Opens the store and the listener.
    pub async fn start(config: &Config, mut losses: Losses) -> anyhow::Result<Self> {
        let (stores, redis) = RedisLink::open(config).await?;
        let tms = wire_up::build(config, stores)?;
        let key = wire_up::secret_key(config)?;
        let metrics = telemetry::install_metrics()?;
        let upkeep = metrics.clone();
        // Without it the samples of histograms pile up until somebody reads them.
        tokio::spawn(async move {
            let mut timer = tokio::time::interval(telemetry::UPKEEP);
            loop {
                timer.tick().await;
                upkeep.run_upkeep();
                losses.report();
            }
        });
        let mut http = HttpSettings::new(key.expose());
        http.allowed_hosts.clone_from(&config.allowed_hosts);
        http.static_url.clone_from(&config.static_url);
        http.trusted_proxies = parse_networks(config)?;
        http.hsts = config.hsts;
        http.rate_limits = config.rate_limits;
        http.aids.extend(redis.aid());
        http.metrics_token = config.metrics_token.as_ref().map(|token| token.expose().clone());
        if config.metrics_token.is_some() || config.listen.ip().is_loopback() {
            let (seen, redis) = (tms.clone(), redis.clone());
            http.metrics = Some(Arc::new(move || {
                report_work(&seen);
                redis.report();
                metrics.render()
            }));
        }
        let listener = listen(config.listen).with_context(|| format!("listening on {}", config.listen))?;
        redis.keep(&tms);
        Ok(Self { tms, listener, http })
    }

    /// Serves until `stop` resolves, then drains.
    pub async fn serve(self, config: &Config, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let (end_work, work_ends) = watch::channel(false);
        let metrics = cloud::publish_metrics(config.clone(), self.tms.clone(), work_ends.clone());
        let metrics = tokio::spawn(metrics);
        let (begins, mut begun) = watch::channel(false);
        let work = tokio::spawn(background(self.tms.clone(), begins, work_ends));
        // Who comes in the first moment waits for it rather than being refused; the listener holds them so long.
        let _ = tokio::time::timeout(START_PATIENCE, begun.wait_for(|begun| *begun)).await;
        let serve = ServeSettings {
            drain: config.drain,
            max_connections: config.max_connections,
            draining: self.http.draining.clone(),
            ..ServeSettings::default()
        };
        let router = tms_http::router(self.tms, self.http);
        tms_http::serve(self.listener, router, serve, stop)
            .await
            .context("serving")?;
        // Requests are answered; what they queued is stored before the process ends.
        end_work.send_replace(true);
        let _ = tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(work, metrics) }).await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// How long nobody is answered after the start, unless there is nothing to wait for. Without a database there is: then
/// everybody is told so.
const START_PATIENCE: Duration = Duration::from_millis(1_500);

/// How many connections may wait to be accepted. A fleet that lost its server comes back at one time, and what finds no
/// room here is reset.
const WAITING_CONNECTIONS: u32 = 4_096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A server that starts again takes the place of the one before at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_CONNECTIONS)
}

/// Waits for a database that can be used, then does the background work, and says when it has begun.
async fn background(tms: Tms, begins: watch::Sender<bool>, mut ends: watch::Receiver<bool>) {
    let mut said = String::new();
    loop {
        let obstacle = match tms.stores().upkeep.health().await {
            Ok(Health {
                schema: SchemaState::Older,
                ..
            }) => "migrations are missing; run `tms migrate`".to_owned(),
            Ok(health) if !health.hazards.is_empty() => health.hazards.join("; "),
            Ok(_) => break,
            Err(error) => match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            },
        };
        if said != obstacle {
            tracing::error!(obstacle, "not ready: the database can't be used yet");
            said = obstacle;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
            _ = ends.wait_for(|ends| *ends) => return,
        }
    }
    // Partitions must be there before the first heartbeat; upkeep makes them again hourly.
    if let Err(error) = tms.stores().upkeep.ensure_partitions(tms.now()).await {
        tracing::error!(error = %error, "partitions could not be made");
    }
    tracing::info!("ready");
    let work = tms.run(async move {
        let _ = ends.wait_for(|ends| *ends).await;
    });
    // In this order: heartbeats are taken from the first moment of the work on.
    tokio::join!(biased; work, async { begins.send_replace(true) });
}

/// Makes an administrator on the first start of the embedded store (DECISIONS 30).
async fn first_administrator(config: &Config, tms: &Tms) -> anyhow::Result<()> {
    if tms.operators().has_users().await.map_err(wire_up::explain)? {
        return Ok(());
    }
    let password = wire_up::random_text()?.get(..24).unwrap_or_default().to_owned();
    let path = config.data_dir.join(SETUP_FILE);
    wire_up::write_private(&path, &format!("username: {FIRST_ADMIN}\npassword: {password}"))?;
    make_administrator(tms, &password).await?;
    note(format_args!(
        "first start: the administrator's name and password are in {} (only you can read it; delete it afterwards)",
        path.display()
    ));
    Ok(())
}

/// Adds the administrator `admin`.
pub async fn make_administrator(tms: &Tms, password: &str) -> anyhow::Result<()> {
    let password = Secret::new(password.to_owned());
    let mut request = UserRequest::with_password(FIRST_ADMIN, Role::Admin, password);
    "Administrator".clone_into(&mut request.profile.full_name);
    tms.users()
        .create(&tms.system_ctx(), request)
        .await
        .map_err(wire_up::explain)?;
    Ok(())
}

fn parse_networks(config: &Config) -> anyhow::Result<Vec<tms_http::Network>> {
    let parse = |text: &String| {
        text.parse()
            .map_err(|_| anyhow::anyhow!("TMS_TRUSTED_PROXIES: {text:?} is no network"))
    };
    config.trusted_proxies.iter().map(parse).collect()
}

fn report_work(tms: &Tms) {
    let counts = tms.heartbeats().counts();
    metrics::counter!("tms_heartbeats_stored_total").absolute(counts.stored);
    metrics::counter!("tms_heartbeat_batches_total").absolute(counts.batches);
    metrics::counter!("tms_heartbeats_refused_total").absolute(counts.refused);
    metrics::counter!("tms_heartbeats_failed_total").absolute(counts.failed);
    metrics::counter!("tms_password_hashes_total").absolute(tms.operators().password_work().hashes);
}

/// Resolves on SIGTERM or SIGINT.
pub fn terminated() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
    })
}

/// Says where the server is and how to sign in.
pub fn announce(output: Output, url: &str, username: &str, password: &str) {
    let console = format!("{url}/login");
    let text = format!("address:  {url}\nconsole:  {console}\nusername: {username}\npassword: {password}");
    let shown = json!({ "url": url, "console": console, "username": username, "password": password });
    output.result(&shown, text);
}
