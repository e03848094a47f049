//! What was rolled back, and what others believed to be there.

use deployment_orchestrator::app::Code;
use deployment_orchestrator::domain::execution::ExecutionStatus;

use crate::people::agent;
use crate::quarantine::{at_tests, request, rolled_back, try_start};
use crate::rollback::{EARLIER, completed};
use crate::world::{COMMIT, World};

/// Automation deployed again what automation had just rolled back
/// ([argo-cd#5351](https://github.com/argoproj/argo-cd/issues/5351),
/// [#9570](https://github.com/argoproj/argo-cd/issues/9570),
/// [kargo#3016](https://github.com/akuity/kargo/issues/3016), mended in
/// [#6334](https://github.com/akuity/kargo/pull/6334)).
#[tokio::test(start_paused = true)]
async fn a_rolled_back_commit_is_not_deployed_again_by_itself() {
    let (world, _driving) = World::driven();
    completed(&world, EARLIER).await;
    let waits = at_tests(&world, COMMIT).await;
    let tests = world.harness.runs_of("run_tests").pop().unwrap().execution;
    let bad = rolled_back(&world, COMMIT).await;

    for commit in [COMMIT, &COMMIT[..7]] {
        let refused = try_start(&world, commit).await.unwrap_err();
        assert_eq!(refused.code, Code::CommitQuarantined);
        assert!(refused.message.contains(bad.id.as_str()), "{}", refused.message);
        assert!(refused.hint.contains("release-commit checkout"), "{}", refused.hint);
    }
    let plan = world.app.plan(request(COMMIT), agent()).await.unwrap();
    assert!(!plan.startable && plan.blockers[0].contains(bad.id.as_str()), "{:?}", plan.blockers);
    world.harness.ends(&tests, ExecutionStatus::Succeeded);
    waits.until(|it| it.progress.held.is_some()).await;
    assert_eq!(waits.now().progress.held.unwrap().by[0].name(), "quarantined", "what was in flight is held");
    let status = world.app.status(bad.id.as_str()).await.unwrap();
    assert!(status.caveats.iter().any(|it| it.starts_with("quarantined")), "{:?}", status.caveats);
    assert!(!status.available_events.contains(&"RETRY".to_owned()), "it does not come back by itself either");
    assert!(world.app.start(request(EARLIER), agent()).await.is_ok(), "what came back is good");
    bad.assert_sound();
}

/// "It is there already", it said, while somebody had changed by hand what was there
/// ([kargo#1826](https://github.com/akuity/kargo/issues/1826)).
#[tokio::test(start_paused = true)]
async fn what_is_deployed_again_really_runs_again() {
    let (world, _driving) = World::driven();
    let first = completed(&world, COMMIT).await;
    let again = completed(&world, COMMIT).await;

    assert_ne!(first.id, again.id);
    for pipeline in ["deploy_dev", "deploy_staging", "deploy_prod"] {
        assert_eq!(world.harness.runs_of(pipeline).len(), 2, "{pipeline}");
    }
    assert_eq!(again.now().progress.requests, 1, "people were asked anew");
}
