//! Who may speak to this server from a browser, and under which name.
//!
//! A page that a browser shows can reach every address that its user can. Two
//! headers give it away, because no page can write them: `Host` is the name that
//! it used, wrong where DNS was turned upon us, and `Origin` says where it is from.
//! Programs send no `Origin`, and are not held up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HOST, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::domain::origin::{Origin, host_of};

/// The names of the machine for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a page of another origin may send, and read of an answer.
const METHODS: &str = "GET, POST, DELETE";
const REQUEST_HEADERS: &str = "authorization, content-type, accept, last-event-id, mcp-method, mcp-name, mcp-protocol-version, mcp-session-id";
const RESPONSE_HEADERS: &str = "mcp-session-id, mcp-protocol-version, www-authenticate";

/// How long a browser may remember that, in seconds: the longest that any does.
const REMEMBERED: &str = "7200";

/// The names under which this server is spoken to, and the pages that may.
pub(super) struct Perimeter {
    hosts: BTreeSet<String>,
    /// Its own pages.
    own: BTreeSet<Origin>,
    /// Pages of others, which the config names: they may read the answers, too.
    others: BTreeSet<Origin>,
}

impl Perimeter {
    /// For a server that listens on `address` and is reached at `public`.
    pub(super) fn new(address: SocketAddr, public: Option<&Origin>, others: BTreeSet<Origin>) -> Self {
        let bound = host_of(&address.to_string()).to_owned();
        let mut hosts: BTreeSet<String> = LOOPBACK.into_iter().map(str::to_owned).collect();
        if !address.ip().is_unspecified() {
            hosts.insert(bound);
        }
        let mut own: BTreeSet<Origin> = hosts
            .iter()
            .filter_map(|host| format!("http://{host}:{}", address.port()).parse().ok())
            .collect();
        if let Some(public) = public {
            hosts.insert(public.host().to_owned());
            own.insert(public.clone());
        }
        Self { hosts, own, others }
    }

    /// Whether a page of this server sends a request with these headers, by the browser's word.
    pub(super) fn is_own_page(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
        origin.and_then(|origin| origin.parse().ok()).is_some_and(|origin| self.own.contains(&origin))
    }

    fn knows_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| self.hosts.contains(&host_of(host).to_ascii_lowercase()))
    }
}

/// Let a request pass that comes under a known name, from no page or a known one.
pub(super) async fn pass(State(perimeter): State<Arc<Perimeter>>, request: Request, next: Next) -> Response {
    if !perimeter.knows_host(request.headers()) {
        return (
            StatusCode::FORBIDDEN,
            "this server is not known by that name; see `public_url` in its config\n",
        )
            .into_response();
    }
    let Some(said) = request.headers().get(ORIGIN).cloned() else { return next.run(request).await };
    let origin: Option<Origin> = said.to_str().ok().and_then(|origin| origin.parse().ok());
    match origin {
        Some(origin) if perimeter.own.contains(&origin) => next.run(request).await,
        Some(origin) if perimeter.others.contains(&origin) => {
            let mut response =
                if request.method() == Method::OPTIONS { preflight() } else { next.run(request).await };
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, said);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
            headers.append(VARY, HeaderValue::from_static("origin"));
            response
        }
        _ => (
            StatusCode::FORBIDDEN,
            "pages of that origin may not call this server; see `origins` in its config\n",
        )
            .into_response(),
    }
}

/// What a browser asks before it lets a page call.
fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, REMEMBERED),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
