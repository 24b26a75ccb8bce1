//! The accept loop: one task a connection, bounded in number, patience and memory, and a drain without a dropped request.
//!
//! axum's own loop has no time-out for the head of a request, none for the first byte and no bound on connections.

mod connection;
mod io;
mod refusal;
mod watch;

use std::{io::Write, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch as channel},
    time::Instant,
};

use crate::{problem::Problem, settings::ServeSettings};

use connection::{Connection, Phase};

/// The first and the longest rest after the machine refused to accept.
const ACCEPT_REST: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Serves `router` on `listener` until `shutdown` resolves, then drains: for [`ServeSettings::drain`] it goes on with
/// health at 503 and `Connection: close`, then it accepts nothing more and waits for what is under way.
///
/// # Errors
/// None at present; a failure to accept is waited out.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServeSettings,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let (phase, phases) = channel::channel(Phase::Open);
    let most = settings.max_connections.clamp(1, Semaphore::MAX_PERMITS.min(1 << 24));
    let server = Server {
        router,
        settings: Arc::new(settings),
        permits: Arc::new(Semaphore::new(most)),
        phases,
    };
    tokio::select! {
        () = shutdown => {}
        () = server.accept(&listener) => {}
    }
    server.settings.draining.begin();
    let _ = tokio::time::timeout(server.settings.drain, server.accept(&listener)).await;
    drop(listener);
    phase.send_replace(Phase::Finish);
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    let finished = tokio::time::timeout(server.settings.finish_timeout, server.permits.acquire_many(all)).await;
    if finished.is_err() {
        tracing::warn!(
            connections = most - server.permits.available_permits(),
            "connections are cut that did not end in time"
        );
    }
    phase.send_replace(Phase::Cut);
    Ok(())
}

struct Server {
    router: Router,
    settings: Arc<ServeSettings>,
    permits: Arc<Semaphore>,
    phases: channel::Receiver<Phase>,
}

impl Server {
    /// Accepts for ever.
    async fn accept(&self, listener: &TcpListener) {
        let mut rest = ACCEPT_REST.0;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    rest = ACCEPT_REST.0;
                    self.begin(stream, peer);
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(ACCEPT_REST.1);
                }
            }
        }
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            metrics::counter!("tms_http_connections_refused_total").increment(1);
            refuse(stream);
            return;
        };
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            router: self.router.clone(),
            settings: Arc::clone(&self.settings),
            peer: peer.ip().to_canonical(),
            opened: Instant::now(),
        };
        let phases = self.phases.clone();
        tokio::spawn(async move {
            // Boxed by the spawn; pinned here so that the connection stays where it is.
            pin!(connection.drive(stream, phases)).await;
            drop(permit);
        });
    }
}

/// Tells whether only the connection that was to be accepted has failed.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused | Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted
    )
}

/// Says 503 in one write that does not wait, and closes.
fn refuse(stream: TcpStream) {
    let problem = Problem::unavailable("too many connections");
    let answer = refusal::alone("503 Service Unavailable", "retry-after: 1\r\n", &problem);
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write_all(&answer);
    }
}
