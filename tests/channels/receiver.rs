//! An HTTP server that keeps what it is sent, and always gives the same answer.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;

/// The server.
pub(crate) struct Receiver {
    address: SocketAddr,
    received: mpsc::UnboundedReceiver<Received>,
}

/// A request that came.
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What it says.
#[derive(Clone)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The path and the query of the request come after it, as in the page of a proxy.
    pub(crate) body: &'static str,
}

impl Says {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: "" }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl Receiver {
    pub(crate) async fn saying(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keep, received) = mpsc::unbounded_channel();
        let server = Router::new().fallback(answer).with_state((says, keep));
        tokio::spawn(async move { axum::serve(listener, server).await });
        Self { address, received }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Received {
        self.received.recv().await.expect("a request")
    }

    /// Whether no request has come.
    pub(crate) fn heard_nothing(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

type Kept = (Says, mpsc::UnboundedSender<Received>);

async fn answer(State((says, keep)): State<Kept>, request: Request) -> Response<Body> {
    let echo = request.uri().to_string();
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let _ = keep.send(Received { headers, body: String::from_utf8(body.to_vec()).unwrap() });
    let body = if says.body.is_empty() { String::new() } else { format!("{}{echo}", says.body) };
    let mut response = Response::builder().status(says.status);
    for (name, value) in &says.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(body)).unwrap()
}

/// The URL of a port where connections are made and then closed without a word.
pub(crate) async fn hanging_up(path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection)
        }
    });
    url
}

/// The URL of a port where connections are made and nothing is ever said.
pub(crate) async fn silent(path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    url
}

/// The URL of a port where nobody listens.
pub(crate) fn closed(path: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}{path}", socket.local_addr().unwrap());
    // Nobody else gets the port while the test runs.
    std::mem::forget(socket);
    url
}
