//! A collector that keeps the spans that it takes, and answers as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// It, shared with its server.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    heard: Arc<Mutex<Heard>>,
    spans: watch::Sender<Vec<Span>>,
}

#[derive(Default)]
struct Heard {
    headers: Vec<HeaderMap>,
    messages: Vec<ExportTraceServiceRequest>,
    says: VecDeque<Says>,
}

/// What it says to one message. Without any it takes everything.
pub(crate) enum Says {
    /// This status, with a `Retry-After`, and these words and all headers that it was sent.
    Status(u16, Option<u32>, &'static str),
    /// It takes all but so many.
    Rejects(i64),
    /// It takes everything, and its answer never comes.
    Nothing,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self { endpoint, heard: Arc::default(), spans: watch::Sender::new(Vec::new()) };
        let routes = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        collector
    }

    /// It says this to the next message that has not been spoken for.
    pub(crate) fn will_say(&self, says: Says) {
        self.heard.lock().unwrap().says.push_back(says);
    }

    /// The spans that it took, in their order.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// The same, once they are so.
    pub(crate) async fn once(&self, so: impl FnMut(&Vec<Span>) -> bool) -> Vec<Span> {
        let mut seen = self.spans.subscribe();
        let waited = tokio::time::timeout(crate::room::PATIENCE, seen.wait_for(so)).await;
        waited.unwrap_or_else(|_| panic!("it only took {:#?}", names(&self.spans()))).unwrap().clone()
    }

    /// How many messages came, taken or not.
    pub(crate) fn messages(&self) -> Vec<ExportTraceServiceRequest> {
        self.heard.lock().unwrap().messages.clone()
    }

    /// What came along with the last message.
    pub(crate) fn last_headers(&self) -> HeaderMap {
        self.heard.lock().unwrap().headers.last().unwrap().clone()
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> Response {
    let message = ExportTraceServiceRequest::decode(body).unwrap();
    let says = {
        let mut heard = collector.heard.lock().unwrap();
        heard.headers.push(headers.clone());
        heard.messages.push(message.clone());
        heard.says.pop_front()
    };
    let mut answer = ExportTraceServiceResponse::default();
    match says {
        Some(Says::Status(status, after, words)) => {
            let body = format!("{words} {headers:?}");
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            if let Some(seconds) = after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            return response;
        }
        Some(Says::Rejects(rejected_spans)) => {
            let error_message = "too old".to_owned();
            answer.partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
        }
        Some(Says::Nothing) => {
            collector.keep(message);
            return std::future::pending().await;
        }
        None => {}
    }
    collector.keep(message);
    ([("content-type", "application/x-protobuf")], answer.encode_to_vec()).into_response()
}

impl Collector {
    fn keep(&self, message: ExportTraceServiceRequest) {
        let scopes = message.resource_spans.into_iter().flat_map(|it| it.scope_spans);
        self.spans.send_modify(|spans| spans.extend(scopes.flat_map(|it| it.spans)));
    }
}

pub(crate) fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// A text among the attributes of a span.
pub(crate) fn text(span: &Span, key: &str) -> Option<String> {
    let value = &span.attributes.iter().find(|it| it.key == key)?.value;
    match value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}
