//! What was run on a pipeline, whoever ran it, over real HTTP.

use std::collections::BTreeSet;

use deployment_orchestrator::clock::{Clock as _, SystemClock};
use deployment_orchestrator::harness::simulator::{Ending, Pipeline, Script};
use deployment_orchestrator::ports::{Executions as _, Pipelines as _};

use super::{harness, observed_when, pipeline, request};

#[tokio::test]
async fn runs_that_succeeded_are_listed_with_their_inputs_where_harness_shows_them() {
    for hide_inputs in [false, true] {
        let endings = [Ending::failed("APPLICATION_ERROR", "no"), Ending::Success, Ending::IgnoreFailed];
        let script = Script { hide_inputs, ..Script::instant() };
        let (_simulator, client) =
            harness(script.with("deploy_dev", Pipeline::default().ending(endings))).await;
        let before = SystemClock.now();
        let mut started = Vec::new();
        for key in ["dep_1:dev:1", "dep_1:dev:2", "by-hand"] {
            let execution = client.trigger(&request(key)).await.unwrap();
            observed_when(&client, &execution, |seen| seen.status.is_final()).await;
            started.push(execution);
        }

        let now = SystemClock.now();
        let seen = client.rollouts(&pipeline(), before, now).await.unwrap();
        let ids: BTreeSet<_> = seen.iter().map(|run| run.execution.clone()).collect();
        assert_eq!(ids, started[1..].iter().cloned().collect(), "what failed is none");
        for run in seen {
            let tag = run.given.and_then(|given| given.get(&"image_tag".parse().unwrap()).cloned());
            assert_eq!(tag, (!hide_inputs).then(|| "1.4.2 \"ü😀\"\n".to_owned()));
            assert!(before <= run.ended_at && run.ended_at <= now, "{before:?} {:?}", run.ended_at);
        }
        assert!(client.rollouts(&"deploy_prod".parse().unwrap(), before, now).await.unwrap().is_empty());
    }
}
