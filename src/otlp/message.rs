//! Spans in the words of OTLP. Nothing is decided here.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use otlp::span::{Event, SpanKind};
use otlp::status::StatusCode;

use crate::domain::time::Timestamp;
use crate::domain::trace::span::{Attribute, Moment, Part, Span, Value};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The only flag of a span: it was not left out by chance, and nor were its parents.
const SAMPLED: u32 = 1;

/// What spans come from. It names no machine and no process, because whichever tells a span, it is the same.
pub(super) struct Source {
    /// The name of the service that tells.
    pub(super) service_name: String,
    /// Whether Harness is simulated, and nothing of this happened.
    pub(super) simulated: bool,
}

/// The message that tells these spans.
pub(super) fn of(source: &Source, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let text = |key: &str, text: &str| key_value(key, any_value::Value::StringValue(text.to_owned()));
    let mut attributes = vec![text("service.name", &source.service_name), text("service.version", VERSION)];
    if source.simulated {
        attributes.push(key_value("deployment_orchestrator.simulated", any_value::Value::BoolValue(true)));
    }
    let scope =
        InstrumentationScope { name: NAME.to_owned(), version: VERSION.to_owned(), ..Default::default() };
    let spans = otlp::ScopeSpans {
        scope: Some(scope),
        spans: spans.into_iter().map(span).collect(),
        ..Default::default()
    };
    let resource = otlp::ResourceSpans {
        resource: Some(Resource { attributes, ..Default::default() }),
        scope_spans: vec![spans],
        ..Default::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

fn span(span: Span) -> otlp::Span {
    let kind = match span.part {
        Part::Deployment => SpanKind::Server,
        Part::Attempt => SpanKind::Client,
        Part::Retry | Part::Rollback | Part::Request | Part::Stage | Part::Remark => SpanKind::Internal,
    };
    let status =
        span.error.map(|error| otlp::Status { message: error.to_owned(), code: StatusCode::Error.into() });
    otlp::Span {
        trace_id: span.trace.0.to_vec(),
        span_id: span.id.0.to_vec(),
        parent_span_id: span.parent.map(|id| id.0.to_vec()).unwrap_or_default(),
        flags: SAMPLED,
        name: span.name,
        kind: kind.into(),
        start_time_unix_nano: nanos(span.began_at),
        end_time_unix_nano: nanos(span.ended_at),
        attributes: span.attributes.into_iter().map(attribute).collect(),
        events: span.moments.into_iter().map(event).collect(),
        dropped_events_count: span.left_out,
        status,
        ..Default::default()
    }
}

fn event(moment: Moment) -> Event {
    Event {
        time_unix_nano: nanos(moment.at),
        name: moment.name,
        attributes: moment.attributes.into_iter().map(attribute).collect(),
        ..Default::default()
    }
}

fn attribute(attribute: Attribute) -> KeyValue {
    let text = any_value::Value::StringValue;
    let value = match attribute.value {
        Value::Text(it) => text(it),
        Value::Number(it) => any_value::Value::IntValue(it),
        Value::Words(words) => {
            let values = words.into_iter().map(|it| AnyValue { value: Some(text(it)) }).collect();
            any_value::Value::ArrayValue(ArrayValue { values })
        }
    };
    key_value(attribute.key, value)
}

fn key_value(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0).saturating_mul(1_000_000)
}
