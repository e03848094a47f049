//! Tools of 2026-07-28 that need more than one round: they give a question, and
//! are called again with the answer and with the state that went out with it.

use rmcp::handler::server::tool::{InputResponses, RequestState};
use rmcp::model::{
    CallToolResponse, ErrorData, InputRequest, InputRequests, InputRequiredResult, InputResponses as Answers,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use serde_json::{Value, json};

use crate::fixture::{Fixture, said};

/// The names of questions.
const NAME: &str = "user_name";
const CONFIRM: &str = "confirm";
const CAPITAL: &str = "capital_question";
const GREETING: &str = "greeting";
const ROOTS: &str = "client_roots";
const FIRST: &str = "step1";
const SECOND: &str = "step2";

type Outcome = Result<CallToolResponse, ErrorData>;

#[tool_router(router = rounds, vis = "pub(crate)")]
impl Fixture {
    /// Ask the person for their name, and greet them.
    #[tool]
    async fn test_input_required_result_elicitation(
        &self,
        InputResponses(answers): InputResponses,
    ) -> Outcome {
        Ok(match text_of(answers.as_ref(), NAME, "name") {
            Some(name) => said(format!("Hello, {name}!")).into(),
            None => question([(NAME, who())], None),
        })
    }

    /// Ask the model for a capital.
    #[tool]
    async fn test_input_required_result_sampling(&self, InputResponses(answers): InputResponses) -> Outcome {
        Ok(match answer(answers.as_ref(), CAPITAL) {
            Some(answer) => said(format!("The model says {answer}")).into(),
            None => question([(CAPITAL, sampling("What is the capital of France?", 100))], None),
        })
    }

    /// Ask the client for its roots.
    #[tool]
    async fn test_input_required_result_list_roots(
        &self,
        InputResponses(answers): InputResponses,
    ) -> Outcome {
        Ok(match answer(answers.as_ref(), ROOTS) {
            Some(roots) => said(format!("The roots are {roots}")).into(),
            None => question([(ROOTS, roots())], None),
        })
    }

    /// Ask with a state that has to come back.
    #[tool]
    async fn test_input_required_result_request_state(
        &self,
        RequestState(state): RequestState,
        InputResponses(answers): InputResponses,
    ) -> Outcome {
        self.confirmed("request-state", state, answers.as_ref())
    }

    /// Ask with a state that has to come back as it was.
    #[tool]
    async fn test_input_required_result_tampered_state(
        &self,
        RequestState(state): RequestState,
        InputResponses(answers): InputResponses,
    ) -> Outcome {
        self.confirmed("tampered-state", state, answers.as_ref())
    }

    /// Ask three things at once.
    #[tool]
    async fn test_input_required_result_multiple_inputs(
        &self,
        RequestState(state): RequestState,
        InputResponses(answers): InputResponses,
    ) -> Outcome {
        let all = [NAME, GREETING, ROOTS].map(|name| answer(answers.as_ref(), name));
        if let [Some(name), Some(greeting), Some(roots)] = all {
            self.opened::<String>(state)?;
            return Ok(said(format!("{name}, {greeting}, {roots}")).into());
        }
        let asked = [(NAME, who()), (GREETING, sampling("Generate a greeting", 50)), (ROOTS, roots())];
        Ok(question(asked, Some(self.sealed(&"three at once"))))
    }

    /// Ask twice, one after the other; the state carries the first answer.
    #[tool]
    async fn test_input_required_result_multi_round(
        &self,
        RequestState(state): RequestState,
        InputResponses(answers): InputResponses,
    ) -> Outcome {
        if let Some(color) = text_of(answers.as_ref(), SECOND, "color") {
            let name: String = self.opened(state)?;
            return Ok(said(format!("{name} likes {color}.")).into());
        }
        Ok(match text_of(answers.as_ref(), FIRST, "name") {
            Some(name) => {
                let asked = form("Step 2: What is your favorite color?", "color", "string");
                question([(SECOND, asked)], Some(self.sealed(&name)))
            }
            None => {
                let asked = form("Step 1: What is your name?", "name", "string");
                question([(FIRST, asked)], Some(self.sealed(&"")))
            }
        })
    }

    /// Ask in those ways that the client has.
    #[tool]
    async fn test_input_required_result_capabilities(
        &self,
        InputResponses(answers): InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Outcome {
        if answers.is_some() {
            return Ok(said("Thank you.").into());
        }
        let client = context.client_capabilities().unwrap_or_default();
        let ways = [
            (NAME, client.elicitation.is_some(), who()),
            (GREETING, client.sampling.is_some(), sampling("Generate a greeting", 50)),
        ];
        Ok(question(ways.into_iter().filter(|(_, has, _)| *has).map(|(name, _, asked)| (name, asked)), None))
    }
}

impl Fixture {
    fn confirmed(&self, what: &str, state: Option<String>, answers: Option<&Answers>) -> Outcome {
        if answer(answers, CONFIRM).is_none() {
            let asked = form("Please confirm", "ok", "boolean");
            return Ok(question([(CONFIRM, asked)], Some(self.sealed(&what))));
        }
        if self.opened::<String>(state)? != what {
            return Err(ErrorData::invalid_params("the state is of another question", None));
        }
        Ok(said("state-ok").into())
    }

    fn sealed(&self, state: &impl serde::Serialize) -> String {
        self.codec.seal_json(state).expect("text is JSON")
    }

    fn opened<T: serde::de::DeserializeOwned>(&self, state: Option<String>) -> Result<T, ErrorData> {
        self.codec
            .open_json(&state.unwrap_or_default())
            .map_err(|_| ErrorData::invalid_params("the state is not as it was given", None))
    }
}

/// What the client is to find out before it calls again.
pub(crate) fn question<R: From<InputRequiredResult>>(
    asked: impl IntoIterator<Item = (&'static str, InputRequest)>,
    state: Option<String>,
) -> R {
    let asked: InputRequests = asked.into_iter().map(|(name, asked)| (name.to_owned(), asked)).collect();
    InputRequiredResult::new(Some(asked), state).into()
}

/// The question for a name.
pub(crate) fn who() -> InputRequest {
    form("What is your name?", "name", "string")
}

/// A form with one field, for the person.
pub(crate) fn form(message: &str, field: &str, kind: &str) -> InputRequest {
    let schema = json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    request("elicitation/create", json!({ "message": message, "requestedSchema": schema }))
}

fn sampling(text: &str, tokens: u32) -> InputRequest {
    let message = json!({ "role": "user", "content": { "type": "text", "text": text } });
    request("sampling/createMessage", json!({ "messages": [message], "maxTokens": tokens }))
}

fn roots() -> InputRequest {
    request("roots/list", json!({}))
}

fn request(method: &str, params: Value) -> InputRequest {
    serde_json::from_value(json!({ "method": method, "params": params })).expect("it is a question")
}

/// The answer to one question, if it is one at all.
fn answer(answers: Option<&Answers>, name: &str) -> Option<Value> {
    answers?.get(name).filter(|answer| answer.is_object()).cloned()
}

/// What the person wrote into a field.
pub(crate) fn text_of(answers: Option<&Answers>, name: &str, field: &str) -> Option<String> {
    Some(answers?.get(name)?.get("content")?.get(field)?.as_str()?.to_owned())
}
