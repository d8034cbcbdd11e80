//! The listener: one port on the loopback, one thread, one runtime.
//!
//! A URL is `http://127.0.0.1:PORT/<token>/<provider>` and what the interface of the provider has as
//! its path (`/v1`). The one thread that reads request heads draws their numbers.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::forward::Clients;
use super::nodes::Announced;
use super::reply::{self, Body};
use super::route::{Key, Upstream, is_loopback, split_version};
use super::socket::{Door, Socket};
use super::{Answer, Boxed, Watch, forward, header, nodes};
use crate::model::Micros;
use crate::model::event::{Event, Seq};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// Whether a piece of an answer carries the mark that ends its stream: prefix, path, piece.
pub type EndsStream = Arc<dyn Fn(&str, &str, &[u8]) -> bool + Send + Sync>;

/// The longest that the end of an answer waits for its record.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same while the recorder is known to lag.
const IMPATIENCE: Duration = Duration::from_millis(20);

/// More headers than any client or provider sends.
pub(crate) const MOST_HEADERS: usize = 512;

/// The prefix of announced nodes.
const OWN: &str = "retake";

/// What a listener is given.
pub struct Setup {
    /// Where calls go, by prefix.
    pub upstreams: Vec<Upstream>,
    /// Where calls went when the run was recorded that is replayed, by prefix.
    pub formerly: Vec<Upstream>,
    /// Keys of the environment, each with the provider that its variable names.
    pub keys: Vec<Key>,
    /// Files with further certificate authorities that the agent trusts.
    pub authorities: Vec<std::path::PathBuf>,
    /// Secret part of the URL.
    pub token: String,
    /// First number to give out.
    pub first: Seq,
    /// Decides.
    pub answer: Arc<dyn Answer>,
    /// Looks on.
    pub watch: Arc<dyn Watch>,
    /// Recognises the end of a stream.
    pub ends_stream: EndsStream,
    /// Tells the time.
    pub clock: Clock,
}

/// A running listener; it stops when dropped.
pub struct Listener {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) formerly: Vec<Upstream>,
    pub(crate) keys: Vec<Key>,
    pub(crate) answer: Arc<dyn Answer>,
    pub(crate) ends_stream: EndsStream,
    pub(crate) clients: Clients,
    announced: Mutex<Announced>,
    watch: Arc<dyn Watch>,
    clock: Clock,
    next: AtomicU64,
    open: AtomicUsize,
    events: AtomicU64,
    lagging: AtomicBool,
}

impl Shared {
    pub(crate) fn now(&self) -> Micros {
        (self.clock)()
    }

    pub(crate) fn saw(&self, event: Event) {
        self.events.fetch_add(1, Ordering::Relaxed);
        self.watch.saw(event);
    }

    pub(crate) fn draw(&self) -> Seq {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn entered(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn left(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn announced(&self) -> MutexGuard<'_, Announced> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }

    /// Waits until what was seen is recorded, but not long: a recorder in trouble must not stop the agent.
    pub(crate) async fn settled(&self) {
        let patience = if self.lagging.load(Ordering::Relaxed) { IMPATIENCE } else { PATIENCE };
        let late = tokio::time::timeout(patience, self.watch.settled()).await.is_err();
        self.lagging.store(late, Ordering::Relaxed);
    }
}

/// [`Shared::settled`] as something a body can hold.
pub(crate) fn settled(shared: &Arc<Shared>) -> Boxed<'static, ()> {
    let shared = Arc::clone(shared);
    Box::pin(async move { shared.settled().await })
}

impl Listener {
    /// Starts to listen on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is no port, or no thread, or the upstream client cannot be made.
    pub fn start(setup: Setup) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            address: socket.local_addr()?,
            token: setup.token,
            upstreams: setup.upstreams,
            formerly: setup.formerly,
            keys: setup.keys,
            answer: setup.answer,
            ends_stream: setup.ends_stream,
            clients: Clients::new(setup.authorities),
            announced: Mutex::new(Announced::default()),
            watch: setup.watch,
            clock: setup.clock,
            next: AtomicU64::new(setup.first),
            open: AtomicUsize::new(0),
            events: AtomicU64::new(0),
            lagging: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("retake-listener".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(socket, served) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_millis(100));
        })?;
        Ok(Self { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The URL that stands for the root of this prefix's upstream: scheme, address, token and prefix.
    #[must_use]
    pub fn prefix(&self, name: &str) -> String {
        format!("http://{}/{}/{name}", self.shared.address, self.shared.token)
    }

    /// The URL that stands for the interface of this prefix's upstream, its path and version included.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        let path = self.shared.upstream(name).map(|upstream| upstream.path.as_str()).unwrap_or_default();
        format!("{}{path}", self.prefix(name))
    }

    /// [`Listener::url`] without its version: what clients want that put `/v1` there themselves.
    #[must_use]
    pub fn root_url(&self, name: &str) -> String {
        let path = self.shared.upstream(name).map(|upstream| upstream.path.as_str()).unwrap_or_default();
        format!("{}{}", self.prefix(name), split_version(path).0)
    }

    /// The URL for announced nodes: `RETAKE_URL`.
    #[must_use]
    pub fn nodes_url(&self) -> String {
        self.prefix(OWN)
    }

    /// How many answers have not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many events were told so far: where it stands still, nothing happens.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.shared.events.load(Ordering::Relaxed)
    }

    /// Stops; answers that have not ended are broken off and told as such.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by the panic hook.
            drop(thread.join());
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.halt();
    }
}

async fn accept(socket: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(door) = Door::new(socket) else { return };
    loop {
        match door.accept().await {
            Ok(socket) => drop(tokio::spawn(serve(socket, Arc::clone(&shared)))),
            // Out of file descriptors, most likely: those in use will come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve(socket: Socket, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let answer: Boxed<'static, Result<Response<Body>, Infallible>> = Box::pin(handle(Arc::clone(&shared), request));
        answer
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.header_read_timeout(None).auto_date_header(false).title_case_headers(true).max_headers(MOST_HEADERS);
    // Errors here are the agent's connection breaking; exchanges tell of it themselves.
    drop(server.serve_connection(TokioIo::new(socket), service).with_upgrades().await);
}

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Ok(match dispatch(shared, request) {
        Ok(answer) => answer.await,
        Err(refused) => *refused,
    })
}

type Refused = Box<Response<Body>>;

/// Reads the head, draws its number, and returns what will answer it.
fn dispatch(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Boxed<'static, Response<Body>>, Refused> {
    let at = shared.now();
    if request.method() == Method::CONNECT {
        let message = "this port is no proxy for HTTPS; give the client a base URL instead";
        return Err(Box::new(reply::error(StatusCode::NOT_IMPLEMENTED, "not_a_proxy", message)));
    }
    let host =
        request.uri().authority().map_or(header::text(request.headers(), "host"), |authority| authority.as_str());
    if !is_loopback(host) {
        let message = format!("`{host}` is not a name of this machine; use http://{}", shared.address);
        return Err(Box::new(reply::error(StatusCode::FORBIDDEN, "wrong_host", &message)));
    }
    let path = request.uri().path();
    let Some(rest) = path.strip_prefix('/').and_then(|path| path.strip_prefix(shared.token.as_str())) else {
        let message = "there is nothing at this address; the URL of a recording is in the recorded command's environment, \
                       and good while it runs";
        return Err(Box::new(reply::error(StatusCode::NOT_FOUND, "unknown_address", message)));
    };
    let (name, rest) = match rest.strip_prefix('/') {
        Some(rest) => rest.split_once('/').map_or((rest, String::new()), |(name, rest)| (name, format!("/{rest}"))),
        None => ("", String::new()),
    };
    if name == OWN {
        return Ok(Box::pin(nodes::handle(Arc::clone(&shared), at, rest, request)));
    }
    let Some(upstream) = shared.upstream(name).cloned() else {
        let names: Vec<&str> = shared.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        let message = format!(
            "there is no provider `{name}` here, only {}; name it with `--upstream {}=URL`",
            names.join(", "),
            if name.is_empty() { "NAME" } else { name }
        );
        return Err(Box::new(reply::error(StatusCode::NOT_FOUND, "unknown_provider", &message)));
    };
    let seq = shared.draw();
    Ok(Box::pin(forward::handle(shared, forward::Arrival { seq, at, upstream, rest }, request)))
}
