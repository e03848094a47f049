//! What Harness's answers look like.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::id::PipelineId;
use crate::domain::time::Timestamp;

use super::run::{Run, StageNow};

/// An answer before anything goes wrong with it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Answer {
    /// A success, in its envelope.
    pub(super) fn of(data: Value) -> Self {
        let body =
            json!({ "status": "SUCCESS", "data": data, "metaData": null, "correlationId": "simulated" });
        Self { status: StatusCode::OK, body }
    }

    /// An error: the message is a hint, and the last response message the cause.
    pub(super) fn error(status: StatusCode, code: &str, cause: &str) -> Self {
        let body = json!({
            "status": "ERROR", "code": code, "message": "See the response messages", "correlationId": "simulated",
            "detailedMessage": null, "metadata": null,
            "responseMessages": [
                { "code": "HINT", "level": "INFO", "message": "This is a simulated Harness", "failureTypes": [] },
                { "code": code, "level": "ERROR", "message": cause, "exception": null, "failureTypes": [] },
            ],
        });
        Self { status, body }
    }

    /// A request that is not valid.
    pub(super) fn invalid(field: &str, error: &str) -> Self {
        let body = json!({
            "status": "FAILURE", "code": "INVALID_REQUEST", "message": "The request is not valid",
            "correlationId": "simulated", "errors": [{ "fieldId": field, "error": error }],
        });
        Self { status: StatusCode::BAD_REQUEST, body }
    }

    pub(super) fn no_pipeline(pipeline: &PipelineId) -> Self {
        let cause = format!("The pipeline [{pipeline}] does not exist or has been deleted");
        Self::error(StatusCode::BAD_REQUEST, "RESOURCE_NOT_FOUND_EXCEPTION", &cause)
    }

    pub(super) fn no_execution(id: &str) -> Self {
        let cause = format!("Plan Execution with id [{id}] does not exist or has been deleted");
        Self::error(StatusCode::NOT_FOUND, "ENTITY_NOT_FOUND", &cause)
    }
}

/// The answer to a trigger, in the engine's words.
pub(super) fn triggered(run: &Run) -> Value {
    json!({
        "planExecution": {
            "uuid": run.execution, "createdAt": run.started_at, "startTs": run.started_at, "status": "RUNNING",
            "metadata": { "executionUuid": run.execution, "pipelineIdentifier": run.pipeline,
                          "triggerInfo": { "triggerType": "MANUAL", "isRerun": false } },
            "governanceMetadata": { "deny": false, "status": "pass", "details": [] },
        },
        "gitDetails": {},
    })
}

/// A run as the outline shows it: the failure is a text, without its types.
pub(super) fn outline(run: &Run, now: Timestamp, hide_inputs: bool) -> Value {
    let mut outline = common(run, now);
    outline.insert("failureInfo".to_owned(), json!(run.failure(now).map(|(message, _)| message)));
    if !hide_inputs {
        outline.insert("runtimeInputYaml".to_owned(), json!(run.input_yaml));
    }
    Value::Object(outline)
}

/// A run as the list and the get show it.
pub(super) fn summary(run: &Run, now: Timestamp) -> Value {
    let failure = match run.failure(now) {
        Some((message, types)) => json!({
            "message": message, "failureTypeList": types,
            "responseMessages": [{ "code": "GENERAL_ERROR", "level": "ERROR", "message": message, "failureTypes": types }],
        }),
        None => json!({ "message": "", "failureTypeList": [], "responseMessages": [] }),
    };
    let stages = run.stages(now);
    let ids: Vec<String> = (0..stages.len()).map(|index| format!("{}-{index}", run.execution)).collect();
    let nodes = stages.iter().zip(&ids).enumerate().map(|(index, (stage, id))| {
        let failure = if stage.status == "Success" { Value::Null } else { failure.clone() };
        (id.clone(), node(stage, ids.get(index + 1), failure))
    });
    let nodes: Map<String, Value> = nodes.collect();

    let mut summary = common(run, now);
    summary.insert("failureInfo".to_owned(), failure.clone());
    summary.insert("layoutNodeMap".to_owned(), Value::Object(nodes));
    summary.insert("startingNodeId".to_owned(), json!(ids.first()));
    summary.insert("totalStagesCount".to_owned(), json!(ids.len()));
    summary.insert("modules".to_owned(), json!(["cd"]));
    let mode = if run.undoes.is_some() { "POST_EXECUTION_ROLLBACK" } else { "NORMAL" };
    summary.insert("executionMode".to_owned(), json!(mode));
    Value::Object(summary)
}

fn common(run: &Run, now: Timestamp) -> Map<String, Value> {
    let fields = json!({
        "planExecutionId": run.execution, "pipelineIdentifier": run.pipeline, "name": run.pipeline,
        "status": run.status(now), "createdAt": run.started_at, "startTs": run.started_at,
        "endTs": run.ended_at(now),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn node(stage: &StageNow<'_>, next: Option<&String>, failure: Value) -> Value {
    json!({
        "nodeType": "Deployment", "nodeGroup": "STAGE", "nodeIdentifier": stage.name, "name": stage.name,
        "status": stage.status, "startTs": stage.started_at, "endTs": stage.ended_at,
        "failureInfo": { "message": "" }, "failureInfoDTO": failure,
        "edgeLayoutList": { "currentNodeChildren": [], "nextIds": next.into_iter().collect::<Vec<_>>() },
    })
}
