//! A span: a part of a trace that has begun and ended.

use crate::domain::id::DeploymentId;
use crate::domain::time::Timestamp;

/// The id of a trace: that of its deployment, which is a ULID and so has as many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span within its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

/// What a span is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The deployment, up to its first end: the root.
    Deployment,
    /// What a failed deployment does after RETRY, up to the next end.
    Retry,
    /// A rollback.
    Rollback,
    /// A request for approval, from when it is opened until it is settled.
    Request,
    /// One visit of a stage.
    Stage,
    /// One run of a pipeline in Harness, from the intent to trigger it; its environment's health is part of it.
    Attempt,
    /// A remark on a deployment that is over. It takes no time.
    Remark,
}

/// A part of a deployment that is over. Whatever is recorded later, it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace.
    pub trace: TraceId,
    /// The span. It follows from the record with which it began.
    pub id: SpanId,
    /// What it is a part of; `None` for the root.
    pub parent: Option<SpanId>,
    /// What it is of.
    pub part: Part,
    /// A name that many deployments share.
    pub name: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended; never before it began, even if the clock was put back.
    pub ended_at: Timestamp,
    /// The position of the record that ended it.
    pub ended_by: u64,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
    /// What happened while it was the innermost span under way, in the order of the records.
    pub moments: Vec<Moment>,
    /// How many moments were left out, because there are [`MOST_MOMENTS`](super::tell::MOST_MOMENTS) already.
    pub left_out: u32,
    /// Why it counts as an error, in our words; `None` if it does not.
    pub error: Option<&'static str>,
}

/// A line of the history, as an event of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The wire name of what happened.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
}

/// Something that is known of a span or a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// By the semantic conventions of OpenTelemetry, or below `deployment_orchestrator.`.
    pub key: &'static str,
    /// It.
    pub value: Value,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A word, or a text.
    Text(String),
    /// A number.
    Number(i64),
    /// Several words.
    Words(Vec<String>),
}

impl TraceId {
    /// The id of the trace of `deployment`; `None` if its id holds no ULID.
    #[must_use]
    pub fn of(deployment: &DeploymentId) -> Option<Self> {
        let ulid = deployment.as_str().strip_prefix("dep_")?;
        ulid::Ulid::from_string(ulid).ok().map(|ulid| Self(ulid.to_bytes()))
    }
}

impl SpanId {
    /// The id of the span of this `part` that began with the record at `position`. One record
    /// begins at most one span of each part, so no two spans of a trace share an id.
    #[must_use]
    pub fn of(part: Part, position: u64) -> Self {
        let part = match part {
            Part::Deployment => 0,
            Part::Retry => 1,
            Part::Rollback => 2,
            Part::Request => 3,
            Part::Stage => 4,
            Part::Attempt => 5,
            Part::Remark => 6,
        };
        Self((position << 3 | part).to_be_bytes())
    }
}

impl Attribute {
    pub(super) fn text(key: &'static str, text: impl Into<String>) -> Self {
        Self { key, value: Value::Text(text.into()) }
    }

    pub(super) fn number(key: &'static str, number: impl Into<i64>) -> Self {
        Self { key, value: Value::Number(number.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_has_the_id_of_its_deployment() {
        let id = DeploymentId::new(0x0123_4567_89AB, 0xCDEF_0011_2233_4455_6677);
        let bytes = 0x0123_4567_89AB_CDEF_0011_2233_4455_6677_u128.to_be_bytes();
        assert_eq!(TraceId::of(&id), Some(TraceId(bytes)));
        let none: DeploymentId = "dep_ILOUILOUILOUILOUILOUILOUIL".parse().expect("it looks like one");
        assert_eq!(TraceId::of(&none), None);
    }

    #[test]
    fn a_span_has_the_id_of_its_beginning() {
        assert_eq!(SpanId::of(Part::Deployment, 1), SpanId([0, 0, 0, 0, 0, 0, 0, 8]));
        assert_eq!(SpanId::of(Part::Attempt, 1), SpanId([0, 0, 0, 0, 0, 0, 0, 13]));
        assert_eq!(SpanId::of(Part::Deployment, 0x2001), SpanId([0, 0, 0, 0, 0, 1, 0, 8]));
    }
}
