//! A release fails in production. The engine puts the last good version back by
//! itself, and keeps the commit out until an admin releases it.

use serde_json::json;

use super::show::Stage;
use super::{Show, text};
use crate::app::Error;
use crate::harness::simulator::{Ending, Pipeline, Script};

const GOOD: &str = "9f3c2d1";
const BAD: &str = "bad0c0d";

pub(super) async fn play() -> Result<(), Error> {
    let title = "A release fails in production: the version before comes back by itself.";
    let mut show =
        Show::open(Stage { title, script: script(), prod: "automatic_rollback = true", ..Stage::default() })
            .await?;
    let good = show.start(GOOD).await?;
    let id = text(&good, "deployment_id").to_owned();
    let good = show.until_asked(good).await?;
    show.approve("dana", &id, "staging looks good").await?;
    show.until_over(good).await?;

    let bad = show.start(BAD).await?;
    let id = text(&bad, "deployment_id").to_owned();
    let bad = show.until_asked(bad).await?;
    show.approve("dana", &id, "this one, too").await?;
    show.until_over(bad).await?;

    show.screen.agent("start_deployment of the same commit: it tries again");
    let arguments = json!({ "repository": "acme/checkout", "branch": "main", "commit_sha": BAD });
    let refused = show.session.refusal("start_deployment", arguments).await?;
    show.screen.server(&refused);
    show.close(&id, "rolled-back", "the rollout to prod failed, and the config wants that undone").await
}

/// The second rollout to production fails; what is put back afterwards does not.
fn script() -> Script {
    let mut script = Script::default();
    if let Some(prod) = script.pipelines.get_mut("deploy_prod") {
        let failed = Ending::failed("APPLICATION_ERROR", "the new pods crash at start");
        *prod = Pipeline { endings: vec![Ending::Success, failed, Ending::Success], ..prod.clone() };
    }
    script
}
