//! Accept loop of the server: limits for unauthenticated clients, TLS, HTTP/1.1, and an orderly end.

use super::connections::Connections;
use super::limited_stream::LimitedStream;
use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use oriel_auth::{Network, Scheme};
use socket2::SockRef;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;

/// Time limit of the TLS handshake.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(10);
/// Time limit of a request's head, which also limits the idle time of a kept connection.
const LONGEST_HEAD: Duration = Duration::from_secs(10);
/// The same for trusted reverse proxies, which keep connections for later requests.
const LONGEST_HEAD_OF_PROXY: Duration = Duration::from_secs(75);
/// Maximum length of a request's head in bytes.
const LONGEST_HEAD_BYTES: usize = 16 * 1024;
/// Time that requests have to complete when the server ends.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);

/// Maximum number of unsent bytes in a socket's send buffer (`TCP_NOTSENT_LOWAT`, tcp(7)). A larger buffer
/// delays the messages behind it, and holds outdated frames.
const NOT_SENT: u32 = 16 * 1024;

/// Origin of a request: addresses and scheme. Every request has one as an extension.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionInfo {
    /// Address of the connection's peer.
    pub peer: SocketAddr,
    /// Address of the client: the peer's, or the one that a reverse proxy on this computer names.
    pub client: IpAddr,
    /// Scheme of the request, HTTP or HTTPS.
    pub scheme: Scheme,
}

/// Listening socket with its TLS settings.
pub struct Listening {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    /// Address on which the socket listens.
    pub address: SocketAddr,
}

impl Listening {
    /// Opens a listening socket.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn open(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self, String> {
        let hint = |error: &io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => "another program listens there; stop it or choose another port",
            io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one",
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => "choose another address",
        };
        let failed =
            |error: io::Error| format!("Oriel cannot listen on {address} ({error}): {}.", hint(&error));
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, tls, address })
    }

    /// Returns the scheme of the requests on the socket.
    fn scheme(&self) -> Scheme {
        if self.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }
}

/// Server that serves a router on listening sockets.
pub struct Server {
    router: Router,
    connections: Connections,
    trusted_proxies: Vec<Network>,
    serving: TaskTracker,
    stopping: CancellationToken,
}

impl Server {
    /// Makes a server that ends when `stopping` is cancelled. Connections of trusted proxies have no limit.
    pub fn new(router: Router, trusted_proxies: Vec<Network>, stopping: CancellationToken) -> Self {
        let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Self {
            router,
            connections: Connections::new(descriptors.unwrap_or(u64::MAX)),
            trusted_proxies,
            serving: TaskTracker::new(),
            stopping,
        }
    }

    /// Accepts and serves connections until the server is stopped, and lets running requests complete.
    pub async fn run(self, ports: Vec<Listening>) {
        let loops = ports.into_iter().map(|port| self.accept_loop(port));
        futures_util::future::join_all(loops).await;
        self.serving.close();
        if tokio::time::timeout(LONGEST_GOODBYE, self.serving.wait()).await.is_err() {
            tracing::warn!("some requests were cut off");
        }
    }

    /// Accepts connections on one socket until the server is stopped.
    async fn accept_loop(&self, port: Listening) {
        loop {
            let accepted = tokio::select! {
                accepted = port.socket.accept() => accepted,
                () = self.stopping.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.serving.spawn(self.connection(stream, peer, port.scheme(), port.tls.clone()));
                }
                Err(error) => {
                    // The likely cause is a lack of file descriptors, so other connections must end first.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Prepares a connection: TCP options, TLS handshake, HTTP.
    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        scheme: Scheme,
        tls: Option<TlsAcceptor>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let connection_info = ConnectionInfo { peer, client: peer.ip(), scheme };
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
        let slot = Arc::new(self.connections.open(peer.ip(), is_proxy));
        let head_limit = if is_proxy { LONGEST_HEAD_OF_PROXY } else { LONGEST_HEAD };
        let router = self.router.clone();
        let stopping = self.stopping.clone();
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
            if let Err(error) = SockRef::from(&stream).set_tcp_notsent_lowat(NOT_SENT) {
                tracing::debug!(%error, "no TCP_NOTSENT_LOWAT");
            }
            let stream = LimitedStream::new(stream, Arc::clone(&slot));
            let router = ServiceBuilder::new()
                .layer(axum::Extension(connection_info))
                .layer(axum::Extension(slot))
                .service(router);
            match tls {
                None => serve(stream, peer, router, head_limit, &stopping).await,
                Some(tls) => match tokio::time::timeout(LONGEST_HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => serve(stream, peer, router, head_limit, &stopping).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
                    Err(_) => tracing::debug!(%peer, "no TLS in time"),
                },
            }
        }
    }
}

/// Serves HTTP/1.1 on a connection.
async fn serve<S>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    service: S,
    head_limit: Duration,
    stopping: &CancellationToken,
) where
    S: tower::Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_limit)
        .max_buf_size(LONGEST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}
