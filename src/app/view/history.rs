//! What happened to a deployment, event by event.

use schemars::JsonSchema;
use serde::Serialize;

use super::wire_name;
use crate::app::PathView;
use crate::domain::principal::Principal;
use crate::domain::record::EventRecord;
use crate::domain::text::shortened;

/// Audit events of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HistoryView {
    /// The deployment.
    pub deployment_id: String,
    /// The named path that it takes instead of the ordinary way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathView>,
    /// In their order.
    pub events: Vec<EventView>,
    /// Pass it as `after` to get the next ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<u64>,
}

/// One audit event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EventView {
    /// Its place in the history of all deployments.
    pub position: u64,
    /// The deployment's version after it.
    pub version: u64,
    /// When.
    pub at: String,
    /// What.
    pub event: String,
    /// The state after it.
    pub state: String,
    /// Who: a person, an agent for a person, or `system`.
    pub by: String,
    /// `human`, `agent` or `system`.
    pub kind: String,
    /// What an agent's client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_untrusted: Option<String>,
    /// How: `mcp-stdio`, `mcp-http`, `command-line`, `slack`, `web`, `web-openid`, `webhook` or `engine`.
    pub channel: String,
    /// What tells us so: `system`, `os-user`, `agent`, `client-confirmed`, `slack`, `web` or `signed`.
    pub assurance: String,
    /// What the event carried, such as keys, execution ids and messages from outside.
    pub details_untrusted: serde_json::Value,
}

impl From<&EventRecord> for EventView {
    fn from(record: &EventRecord) -> Self {
        Self {
            position: record.position,
            version: record.version,
            at: record.at.to_rfc3339(),
            event: record.what.name().0,
            state: record.state.clone(),
            by: record.actor.principal.to_string(),
            kind: record.actor.principal.kind().to_owned(),
            client_untrusted: match &record.actor.principal {
                Principal::Agent { client, .. } => Some(client.clone()),
                Principal::Human { .. } | Principal::System => None,
            },
            channel: wire_name(&record.actor.channel),
            assurance: record.actor.assurance.to_string(),
            details_untrusted: details(&record.what),
        }
    }
}

/// All that an event or a remark says beside its name, shortened.
pub(in crate::app) fn details(what: &impl Serialize) -> serde_json::Value {
    let mut details = serde_json::to_value(what).unwrap_or_default();
    if let Some(fields) = details.as_object_mut() {
        fields.remove("event");
    }
    shorten(&mut details);
    details
}

/// The longest text among the details of an event.
const DETAIL_LIMIT: usize = 400;

/// Shorten every text in `details`, wherever it stands.
fn shorten(details: &mut serde_json::Value) {
    match details {
        serde_json::Value::String(text) => *text = shortened(text, DETAIL_LIMIT),
        serde_json::Value::Array(items) => items.iter_mut().for_each(shorten),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(shorten),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}
