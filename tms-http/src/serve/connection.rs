//! One connection from its first byte to its close.

use std::{convert::Infallible, net::IpAddr, pin::pin, sync::Arc};

use axum::{
    Router,
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use http::{
    HeaderValue, Request, Version,
    header::{CONNECTION, HOST},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::watch as channel, time::Instant};
use tower::Service;

use super::{
    io::WatchedSocket,
    watch::{Patience, Serving, Watch},
};
use crate::{origin::PeerAddress, problem::Problem, settings::ServeSettings};

/// How far the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Requests are taken.
    Open,
    /// What is under way is finished, idle connections close.
    Finish,
    /// Everything ends now.
    Cut,
}

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) router: Router,
    pub(super) settings: Arc<ServeSettings>,
    pub(super) peer: IpAddr,
    pub(super) opened: Instant,
}

impl Connection {
    /// Serves requests until either side has enough.
    pub(super) async fn drive(self, stream: TcpStream, mut phases: channel::Receiver<Phase>) {
        let watch = Arc::new(Watch::new(self.opened));
        let patience = Patience {
            head: self.settings.header_timeout,
            idle: self.settings.idle_timeout,
            write: self.settings.write_timeout,
        };
        let socket = WatchedSocket::new(stream, Arc::clone(&watch));
        let builder = self.protocol();
        let seen = Arc::clone(&watch);
        let service = service_fn(|request| self.answer(request, &seen));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service).with_upgrades());
        let mut expired = pin!(watch.expired(patience));
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended badly");
                    }
                    return;
                }
                () = expired.as_mut() => {
                    metrics::counter!("tms_http_connections_timed_out_total").increment(1);
                    return;
                }
                changed = phases.changed() => {
                    let phase = *phases.borrow_and_update();
                    if changed.is_err() || phase == Phase::Cut {
                        return;
                    }
                    if phase == Phase::Finish {
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }

    fn protocol(&self) -> http1::Builder {
        let most = self.settings.max_header_bytes;
        let mut builder = http1::Builder::new();
        // The watch does this, and knows an idle connection from a slow head.
        builder.header_read_timeout(None);
        builder
            .max_headers(64)
            .max_header_size(most)
            .max_buf_size(most.max(8_192));
        builder
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        watch: &Arc<Watch>,
    ) -> Result<Response<ServedBody>, Infallible> {
        let serving = watch.serving();
        let mut response = if names_its_host(&request) {
            request.extensions_mut().insert(PeerAddress(self.peer));
            let mut router = self.router.clone();
            Service::<Request<Incoming>>::call(&mut router, request).await?
        } else {
            let mut response = Problem::malformed("a request names exactly one Host").into_alone();
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        };
        if self.settings.draining.has_begun() {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| ServedBody {
            body,
            _serving: serving,
        }))
    }
}

/// HTTP/1.1 asks for exactly one Host; hyper does not.
fn names_its_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => true,
        (None, None) => request.version() < Version::HTTP_11,
        _ => false,
    }
}

/// The body of an answer; the request is under way until it is written.
struct ServedBody {
    body: Body,
    _serving: Serving,
}

impl HttpBody for ServedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
