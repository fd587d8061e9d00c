//! Connections that are held open without a request are closed.
//!
//! The HTTP library limits the time for the head of a connection's first request, and the time between two requests. But
//! the first byte of a later request ends that limit, and neither counts for a client that does not read its answer, or
//! that goes on sending a body after the answer. What is counted here is the time from the end of one request to the start
//! of the next, whatever goes over the wire meanwhile.

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

/// A connection, in the data that its requests share.
#[derive(Debug)]
struct Connection {
    /// A second handle of the socket. It goes together with the connection, so that it keeps nothing open.
    socket: std::net::TcpStream,
    /// Since when no request is being handled; none while one is.
    idle_since: Cell<Option<Instant>>,
    watch: OnceCell<AbortHandle>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.get() {
            watch.abort();
        }
    }
}

/// A request that is being handled.
struct Busy(Rc<Connection>);

impl Busy {
    fn on(connection: &Rc<Connection>) -> Self {
        connection.idle_since.set(None);
        Self(Rc::clone(connection))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle_since.set(Some(Instant::now()));
    }
}

/// How long a client may leave a stream unread before it counts as idle: several times what a stream is silent at the most.
const STREAM_PATIENCE: Duration = Duration::from_mins(1);

/// For `HttpServer::on_connect`: closes the connection once no request has been handled on it for `limit`.
pub(crate) fn watched(limit: Duration) -> impl Fn(&dyn Any, &mut Extensions) + Send + Sync + 'static {
    move |stream, shared| {
        // Without a second handle, as when there are no more to be had, the library's own limits remain.
        let Some(handle) = socket(stream).and_then(|socket| socket.as_fd().try_clone_to_owned().ok()) else {
            return;
        };
        let idle_since = Cell::new(Some(Instant::now()));
        let connection = Rc::new(Connection { socket: handle.into(), idle_since, watch: OnceCell::new() });
        let watch = actix_web::rt::spawn(watch(Rc::downgrade(&connection), limit)).abort_handle();
        // It is empty until here.
        let _ = connection.watch.set(watch);
        shared.insert(connection);
    }
}

/// The socket below plain HTTP and below TLS.
fn socket(stream: &dyn Any) -> Option<&TcpStream> {
    let below_tls = || stream.downcast_ref::<TlsStream<TcpStream>>().map(|tls| tls.get_ref().0);
    stream.downcast_ref().or_else(below_tls)
}

async fn watch(connection: Weak<Connection>, limit: Duration) {
    let mut left = limit;
    loop {
        sleep(left).await;
        let Some(connection) = connection.upgrade() else {
            return;
        };
        left = connection.idle_since.get().map_or(limit, |since| limit.saturating_sub(since.elapsed()));
        if left.is_zero() {
            tracing::debug!("closing a connection that was held open without a request");
            // It may be closed already.
            let _ = connection.socket.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Notes on its connection that a request is being handled.
pub(crate) async fn note(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let connection = request.request().conn_data::<Rc<Connection>>().cloned();
    let _busy = connection.as_ref().map(Busy::on);
    let response = next.call(request).await?;
    let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let connection = connection.filter(|_| is_stream);
    Ok(response.map_body(|_, body| Watched { body: body.boxed(), connection }))
}

/// A body; of one that is a stream each reading is noted on its connection.
struct Watched {
    body: BoxBody,
    connection: Option<Rc<Connection>>,
}

impl MessageBody for Watched {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        // It is asked for as long as the client takes what it is sent, and no longer.
        if let Some(connection) = &self.connection {
            connection.idle_since.set(Some(Instant::now() + STREAM_PATIENCE));
        }
        Pin::new(&mut self.body).poll_next(context)
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        let Self { body, connection } = self;
        body.try_into_bytes().map_err(|body| Self { body, connection })
    }
}
