//! A commit goes to production.

use serde_json::{Value, json};

use super::show::Stage;
use super::{Show, text};
use crate::app::Error;
use crate::harness::simulator::{Ending, Pipeline, Script};

pub(super) async fn play() -> Result<(), Error> {
    let title = "A commit goes from dev to production: an agent asks, the server drives, a person decides.";
    let mut show = Show::open(Stage { title, script: script(), ..Stage::default() }).await?;
    let status = show.start("9f3c2d1").await?;
    let id = text(&status, "deployment_id").to_owned();
    let status = show.until_asked(status).await?;
    agent_tries_to_approve(&mut show, &id).await?;
    show.approve("dana", &id, "staging looks good").await?;
    show.until_over(status).await?;
    show.close(&id, "completed", "").await
}

async fn agent_tries_to_approve(show: &mut Show, id: &str) -> Result<(), Error> {
    show.screen.agent("approve: it tries, of course");
    let answer = show.session.tool("approve", json!({ "deployment_id": id })).await?;
    let digest = answer.pointer("/request/digest").and_then(Value::as_str).unwrap_or_default();
    let approved = answer.get("approved").cloned().unwrap_or_default();
    show.screen.server(&format!("approved: {approved}. People decide, over digest {digest}"));
    Ok(())
}

/// The default script, in which the first test run meets a broken connection.
fn script() -> Script {
    let mut script = Script::default();
    if let Some(tests) = script.pipelines.get_mut("run_tests") {
        let broken = Ending::failed("CONNECTIVITY", "the connection to the test cluster broke");
        *tests = Pipeline { endings: vec![broken, Ending::Success], ..tests.clone() };
    }
    script
}
