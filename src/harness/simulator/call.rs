//! A request as one of the calls that Harness offers.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{Method, Uri};
use serde_json::Value;

use crate::domain::id::{ExecutionId, PipelineId};

use super::script::Endpoint;

/// One call, checked as far as its address goes.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) target: Target,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// The endpoint, with what its address names.
#[derive(Debug)]
pub(super) enum Target {
    Execute(PipelineId),
    ExecuteWithInputSets(PipelineId),
    Interrupt(ExecutionId),
    RollBack,
    Outline,
    List,
    Get(ExecutionId),
    Notes(ExecutionId),
    Url,
    Template(PipelineId),
}

impl Target {
    pub(super) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Execute(_) => Endpoint::Execute,
            Self::ExecuteWithInputSets(_) => Endpoint::ExecuteWithInputSets,
            Self::Interrupt(_) => Endpoint::Interrupt,
            Self::RollBack => Endpoint::RollBack,
            Self::Outline => Endpoint::Outline,
            Self::List => Endpoint::List,
            Self::Get(_) => Endpoint::Get,
            Self::Notes(_) => Endpoint::Notes,
            Self::Url => Endpoint::Url,
            Self::Template(_) => Endpoint::Template,
        }
    }

    pub(super) fn pipeline(&self) -> Option<&PipelineId> {
        match self {
            Self::Execute(pipeline) | Self::ExecuteWithInputSets(pipeline) | Self::Template(pipeline) => {
                Some(pipeline)
            }
            _ => None,
        }
    }
}

impl Call {
    /// Nothing, when Harness has no such endpoint. Harness serves the same
    /// paths below `/gateway`.
    pub(super) fn new(method: &Method, uri: &Uri, body: Bytes) -> Option<Self> {
        let path = uri.path().strip_prefix("/gateway").unwrap_or(uri.path());
        let mut parts = path.trim_start_matches('/').split('/');
        let root = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let rest: Vec<&str> = parts.collect();
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
        let target = match (method.as_str(), root, rest.as_slice()) {
            ("POST", ["pipeline", "api", "pipeline", "execute"], [pipeline]) => {
                Target::Execute(pipeline.parse().ok()?)
            }
            ("POST", ["pipeline", "api", "pipeline", "execute"], [pipeline, "inputSetList"]) => {
                Target::ExecuteWithInputSets(pipeline.parse().ok()?)
            }
            ("PUT", ["pipeline", "api", "pipeline", "execute"], ["interrupt", id]) => {
                Target::Interrupt(id.parse().ok()?)
            }
            ("POST", ["ng", "api", "rollback", "trigger"], ["v2"]) => Target::RollBack,
            ("POST", ["pipeline", "api", "pipelines", "execution"], ["summary", "outline"]) => {
                Target::Outline
            }
            ("POST", ["pipeline", "api", "pipelines", "execution"], ["summary"]) => Target::List,
            ("POST", ["pipeline", "api", "pipelines", "execution"], ["url"]) => Target::Url,
            ("GET", ["pipeline", "api", "pipelines", "execution"], ["v2", id]) => {
                Target::Get(id.parse().ok()?)
            }
            ("GET", ["pipeline", "api", "pipelines", "execution"], [id, "notes"]) => {
                Target::Notes(id.parse().ok()?)
            }
            ("POST", ["pipeline", "api", "inputSets", "template"], []) => {
                let named = query.iter().find(|(name, _)| name == "pipelineIdentifier");
                Target::Template(named?.1.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { target, query, body })
    }

    /// A query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name)?.parse().ok()
    }

    /// The body as JSON; null if it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
