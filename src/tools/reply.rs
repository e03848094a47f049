//! Arguments in, results out: the same shape for every tool.

use rmcp::model::{CallToolResult, ContentBlock, JsonObject};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::summary::Summary;
use crate::app::explanation::GuardView;
use crate::app::{Code, Error};
use crate::domain::text::shortened;

/// The most that is said about a malformed argument, which may itself be long.
const COMPLAINT_LIMIT: usize = 400;

/// The arguments as `T`.
///
/// # Errors
/// `malformed-argument`, which names the argument.
pub(super) fn decode<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Error> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let path = error.path().to_string();
        let complaint = error.into_inner().to_string();
        let known = path == "." || complaint.contains(&format!("`{path}`"));
        let complaint = if known { complaint } else { format!("`{path}`: {complaint}") };
        Error::new(
            Code::MalformedArgument,
            shortened(&complaint, COMPLAINT_LIMIT),
            "correct the arguments after the tool's input schema and call again; nothing was done",
        )
    })
}

/// What was asked for: the answer as JSON, and one short text for readers.
pub(super) fn success<T: Serialize + Summary>(answer: &T) -> CallToolResult {
    let json = serde_json::to_value(answer).expect("views have string keys and finite numbers");
    let mut result = CallToolResult::success(vec![ContentBlock::text(answer.summary())]);
    result.structured_content = Some(json);
    result
}

/// Why it was not done.
pub(super) fn failure(error: &Error) -> CallToolResult {
    let text = format!("{}: {}. {}", error.code.as_str(), error.message, sentence(&error.hint));
    let refusal = RefusalView {
        code: error.code.as_str(),
        message: &error.message,
        hint: &error.hint,
        retryable: error.retryable,
        message_untrusted: error.message_untrusted.as_deref(),
        guards: error.guards.iter().cloned().map(GuardView::from).collect(),
    };
    let json = serde_json::to_value(refusal).expect("a refusal has string keys only");
    let mut result = CallToolResult::error(vec![ContentBlock::text(text.trim_end())]);
    result.structured_content = Some(json);
    result
}

/// An error as callers see it.
#[derive(Serialize)]
struct RefusalView<'a> {
    code: &'static str,
    message: &'a str,
    hint: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_untrusted: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    guards: Vec<GuardView>,
}

/// `text` with a capital and a full stop; names such as `get_status` stay as they are.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let is_name = text.split_whitespace().next().is_some_and(|word| word.contains('_'));
    match characters.next() {
        None => String::new(),
        Some(first) if is_name => format!("{first}{}.", characters.as_str()),
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
    }
}
