//! Tools of the tasks extension: a call gives a handle, and goes on without the caller.

use std::time::Duration;

use rmcp::handler::server::tool::InputResponses;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult, ErrorData,
};
use rmcp::service::RequestContext;
use rmcp::task_manager::{TaskContext, TaskExit, TaskOptions};
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fixture::{Fixture, said};
use crate::rounds::{form, question, text_of, who};

/// How often a client should look.
const POLL_MILLISECONDS: u64 = 100;

/// How long a short piece of work takes.
const SHORT: Duration = Duration::from_millis(100);

#[derive(Deserialize, JsonSchema)]
struct Person {
    /// Whom to greet.
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Effort {
    /// How long it takes.
    seconds: f64,
}

#[derive(Deserialize, JsonSchema)]
struct File {
    /// What would be deleted.
    filename: String,
}

type Outcome = Result<CallToolResponse, ErrorData>;

#[tool_router(router = in_background, vis = "pub(crate)")]
impl Fixture {
    /// Greet somebody at once.
    #[tool]
    async fn greet(&self, Parameters(Person { name }): Parameters<Person>) -> CallToolResult {
        said(format!("Hello, {name}!"))
    }

    /// Take a while: in the background where the client can follow that, else while it waits.
    #[tool]
    async fn slow_compute(
        &self,
        Parameters(Effort { seconds }): Parameters<Effort>,
        context: RequestContext<RoleServer>,
    ) -> Outcome {
        let while_it_takes = Duration::try_from_secs_f64(seconds)
            .map_err(|_| ErrorData::invalid_params("there are not so many seconds", None))?;
        let done = format!("It took {seconds} seconds.");
        if !can_follow(&context) {
            tokio::time::sleep(while_it_takes).await;
            return Ok(said(done).into());
        }
        self.start(&context, |work| async move {
            tokio::select! {
                () = work.cancelled() => Err(TaskExit::Cancelled),
                () = tokio::time::sleep(while_it_takes) => Ok(said(done)),
            }
        })
    }

    /// Fail in the background, as tools fail.
    #[tool]
    async fn failing_job(&self, context: RequestContext<RoleServer>) -> Outcome {
        self.start(&context, |_| async {
            tokio::time::sleep(SHORT).await;
            Ok(CallToolResult::error(vec![ContentBlock::text("It did not work.")]))
        })
    }

    /// Fail in the background, as the server fails.
    #[tool]
    async fn protocol_error_job(&self, context: RequestContext<RoleServer>) -> Outcome {
        self.start(&context, |_| async {
            tokio::time::sleep(SHORT).await;
            Err(ErrorData::internal_error("the server broke", None).into())
        })
    }

    /// Ask in the background before anything would be deleted.
    #[tool]
    async fn confirm_delete(
        &self,
        Parameters(File { filename }): Parameters<File>,
        context: RequestContext<RoleServer>,
    ) -> Outcome {
        self.start(&context, |work| async move {
            let asked = form(&format!("Delete {filename}?"), "confirm", "boolean");
            let answer = work.request_input("confirm", asked).await?;
            Ok(said(format!("About {filename} the person said {answer}.")))
        })
    }

    /// Ask two things at once in the background.
    #[tool]
    async fn multi_input(&self, context: RequestContext<RoleServer>) -> Outcome {
        self.start(&context, |work| async move {
            let first = work.request_input("first", who());
            let second =
                work.request_input("second", form("What is your favorite color?", "color", "string"));
            let (name, color) = tokio::try_join!(first, second)?;
            Ok(said(format!("{name} likes {color}.")))
        })
    }

    /// Ask first, and go on in the background.
    #[tool]
    async fn test_tool_with_task(
        &self,
        InputResponses(answers): InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Outcome {
        match text_of(answers.as_ref(), "user_name", "name") {
            None => Ok(question([("user_name", who())], None)),
            Some(name) => self.start(&context, |_| async move {
                tokio::time::sleep(SHORT).await;
                Ok(said(format!("Hello, {name}!")))
            }),
        }
    }
}

impl Fixture {
    /// Go on with `work` in the background, and give its handle.
    fn start<F>(&self, context: &RequestContext<RoleServer>, work: impl FnOnce(TaskContext) -> F) -> Outcome
    where
        F: Future<Output = Result<CallToolResult, TaskExit>> + Send + 'static,
    {
        if !can_follow(context) {
            let needed = ClientCapabilities::builder().enable_tasks().build();
            return Err(ErrorData::missing_required_client_capability(needed));
        }
        let options = TaskOptions::new().with_poll_interval_ms(POLL_MILLISECONDS);
        let started = self.background.spawn(options, |handle| Box::pin(work(handle)));
        Ok(CreateTaskResult::new(started).into())
    }
}

fn can_follow(context: &RequestContext<RoleServer>) -> bool {
    context.client_capabilities().is_some_and(|client| client.supports_tasks())
}
