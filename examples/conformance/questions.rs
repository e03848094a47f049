//! Tools of the older revisions that ask the client something during the call.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, CreateMessageRequestParams, SamplingMessage};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixture::{Fixture, said};

#[derive(Deserialize, JsonSchema)]
struct Prompt {
    /// What the model is asked.
    prompt: String,
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    /// What the person is asked.
    message: String,
}

#[tool_router(router = questions, vis = "pub(crate)")]
impl Fixture {
    /// Ask the client's model.
    #[tool]
    async fn test_sampling(
        &self,
        Parameters(Prompt { prompt }): Parameters<Prompt>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        let question = CreateMessageRequestParams::new(vec![SamplingMessage::user_text(prompt)], 100);
        match context.peer.create_message(question).await {
            Ok(answer) => said(format!("LLM response: {}", json!(answer.message.content))),
            Err(error) => unanswered(&error),
        }
    }

    /// Ask the client's person who they are.
    #[tool]
    async fn test_elicitation(
        &self,
        Parameters(Message { message }): Parameters<Message>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        let form = json!({
            "type": "object",
            "properties": {
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" },
            },
            "required": ["username", "email"],
        });
        ask(&context, &message, form, "User response").await
    }

    /// Ask the client's person with a form that has answers already.
    #[tool]
    async fn test_elicitation_sep1034_defaults(&self, context: RequestContext<RoleServer>) -> CallToolResult {
        let statuses = ["active", "inactive", "pending"];
        let form = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": { "type": "string", "enum": statuses, "default": "active" },
                "verified": { "type": "boolean", "default": true },
            },
        });
        ask(&context, "Who is this?", form, "Elicitation completed").await
    }

    /// Ask the client's person to choose, in each way that a form has for that.
    #[tool]
    async fn test_elicitation_sep1330_enums(&self, context: RequestContext<RoleServer>) -> CallToolResult {
        let plain = ["option1", "option2", "option3"];
        let titled = |noun: &str| {
            json!([
                { "const": "value1", "title": format!("First {noun}") },
                { "const": "value2", "title": format!("Second {noun}") },
                { "const": "value3", "title": format!("Third {noun}") },
            ])
        };
        let form = json!({
            "type": "object",
            "properties": {
                "untitledSingle": { "type": "string", "enum": plain },
                "titledSingle": { "type": "string", "oneOf": titled("Option") },
                "legacyEnum": {
                    "type": "string",
                    "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                },
                "untitledMulti": { "type": "array", "items": { "type": "string", "enum": plain } },
                "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
            },
        });
        ask(&context, "Which?", form, "Elicitation completed").await
    }
}

/// Ask with `form`, and give what came of it.
async fn ask(
    context: &RequestContext<RoleServer>,
    message: &str,
    form: Value,
    said_first: &str,
) -> CallToolResult {
    let question = json!({ "message": message, "requestedSchema": form });
    let question = serde_json::from_value(question).expect("it is a form");
    match context.peer.create_elicitation(question).await {
        Ok(answer) => {
            let content = answer.content.map_or_else(|| "{}".to_owned(), |content| content.to_string());
            said(format!("{said_first}: action={}, content={content}", json!(answer.action)))
        }
        Err(error) => unanswered(&error),
    }
}

fn unanswered(error: &rmcp::service::ServiceError) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(format!("the client did not answer: {error}"))])
}
