//! Harness's answers as they are on the wire. Nothing here leaves the client.
//!
//! Fields that we can live without are optional, unknown ones are ignored, and
//! what makes an answer an answer is required.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// Around almost every answer. Some endpoints are documented without it.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) status: Option<String>,
    pub(super) data: Option<T>,
}

/// An answer that is an error: both of Harness's envelopes, and the bare one of
/// its newer routes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    pub(super) status: Option<String>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) detailed_message: Option<String>,
    pub(super) response_messages: Option<Vec<ResponseMessage>>,
    pub(super) errors: Option<Vec<FieldError>>,
}

/// Whether a body with this `status` is an error, whatever the HTTP status says.
pub(super) fn is_error(status: Option<&str>) -> bool {
    matches!(status, Some("ERROR" | "FAILURE"))
}

/// One step of an explanation. The last one is the cause.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseMessage {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) failure_types: Option<Vec<String>>,
}

/// What is wrong with one field of the request.
#[derive(Debug, Deserialize)]
pub(super) struct FieldError {
    #[serde(alias = "fieldId", alias = "field_name")]
    pub(super) field: Option<String>,
    #[serde(alias = "message")]
    pub(super) error: Option<String>,
}

/// The answer to a trigger. Where the id is depends on the endpoint and its age.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Triggered {
    plan_execution_id: Option<String>,
    plan_execution: Option<PlanExecution>,
    execution_id: Option<String>,
    governance_metadata: Option<Governance>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanExecution {
    uuid: Option<String>,
    metadata: Option<PlanMetadata>,
    governance_metadata: Option<Governance>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanMetadata {
    execution_uuid: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Governance {
    deny: Option<bool>,
}

impl Triggered {
    /// The id of the new execution, wherever it is.
    pub(super) fn execution(&self) -> Option<&str> {
        let plan = self.plan_execution.as_ref();
        self.plan_execution_id
            .as_deref()
            .or_else(|| plan?.uuid.as_deref())
            .or_else(|| plan?.metadata.as_ref()?.execution_uuid.as_deref())
            .or(self.execution_id.as_deref())
    }

    /// Whether a policy refused the run.
    pub(super) fn is_denied(&self) -> bool {
        let of_plan = self.plan_execution.as_ref().and_then(|plan| plan.governance_metadata.as_ref());
        [self.governance_metadata.as_ref(), of_plan]
            .into_iter()
            .flatten()
            .any(|rules| rules.deny == Some(true))
    }
}

/// The answer to a rollback.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RolledBack {
    #[serde(alias = "isRollbackTriggered")]
    pub(super) rollback_triggered: Option<bool>,
    pub(super) plan_execution_id: Option<String>,
    pub(super) message: Option<String>,
}

/// A page of the outline, or of the list, which pages by number instead.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub(super) content: Vec<Run>,
    pub(super) has_more: Option<bool>,
    pub(super) last_seen_execution_id: Option<String>,
    #[serde(default, deserialize_with = "millis")]
    pub(super) last_seen_start_time: Option<i64>,
}

/// The answer to a get.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    pub(super) pipeline_execution_summary: Run,
}

/// An execution: the outline, the list and the get show different parts of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) plan_execution_id: String,
    pub(super) pipeline_identifier: String,
    pub(super) status: Option<String>,
    pub(super) failure_info: Option<FailureInfo>,
    #[serde(default, deserialize_with = "millis")]
    pub(super) start_ts: Option<i64>,
    #[serde(default, deserialize_with = "millis")]
    pub(super) end_ts: Option<i64>,
    pub(super) runtime_input_yaml: Option<String>,
    pub(super) execution_mode: Option<String>,
    pub(super) starting_node_id: Option<String>,
    pub(super) layout_node_map: Option<BTreeMap<String, Node>>,
}

/// A stage of an execution, or a group of stages.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    pub(super) node_group: Option<String>,
    pub(super) name: Option<String>,
    pub(super) node_identifier: Option<String>,
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "millis")]
    pub(super) start_ts: Option<i64>,
    #[serde(default, deserialize_with = "millis")]
    pub(super) end_ts: Option<i64>,
    pub(super) failure_info: Option<FailureInfo>,
    #[serde(rename = "failureInfoDTO")]
    pub(super) failure_info_dto: Option<FailureInfo>,
    pub(super) edge_layout_list: Option<Edges>,
}

/// Where to go from a node. Empty lists may be left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edges {
    pub(super) current_node_children: Option<Vec<String>>,
    pub(super) next_ids: Option<Vec<String>>,
}

/// Why an execution failed: a text in the outline, the parts elsewhere.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum FailureInfo {
    Text(String),
    #[serde(rename_all = "camelCase")]
    Parts {
        message: Option<String>,
        failure_type_list: Option<Vec<String>>,
        response_messages: Option<Vec<ResponseMessage>>,
    },
}

/// The notes of an execution.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Notes {
    Text(String),
    Field { notes: Option<String> },
}

/// What a pipeline asks for. A pipeline without runtime inputs has no YAML, or an empty one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InputTemplate {
    pub(super) input_set_template_yaml: Option<String>,
}

/// Epoch milliseconds, written as a number or as text. Zero means "not yet".
fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
    }
    let millis = match Option::<Written>::deserialize(from)? {
        Some(Written::Number(millis)) => Some(millis),
        Some(Written::Text(text)) => text.parse().ok(),
        None => None,
    };
    Ok(millis.filter(|millis| *millis > 0))
}
