//! What is rolled back, and when it is without anybody asking.

use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::execution::{Cause, Retry};
use deployment_orchestrator::domain::guard::Refusal;
use deployment_orchestrator::domain::plan::{self, Gates, Next, Step, Timing};
use deployment_orchestrator::domain::run::{Run, RunStatus};
use deployment_orchestrator::domain::state::{Permit, State, Work};

use super::NOW;
use super::fixtures::environment;
use super::samples::{Sample, approved, execution, failure, prod, restore, sample, samples};

/// A rollback puts back what is still the deployment's own and known, production first, and nothing else.
#[test]
fn a_rollback_has_exactly_what_is_its_own_in_its_order() {
    let is_completed = |sample: &Sample| sample.deployment.progress.state == State::Completed;
    let completed = samples().into_iter().find(is_completed).unwrap().deployment;
    let (known, own) = (Some("last-good-version-known"), Some("still-its-own"));
    for (targets, overtaken, unknown, unmet) in [
        (&["prod", "dev"][..], &[][..], &[][..], None),
        (&["prod"], &["dev"], &[], None),
        (&["dev"], &["prod"], &[], None),
        (&["prod"], &[], &["dev"], None),
        (&["dev"], &[], &["prod"], None),
        (&[], &[], &["prod", "dev"], known),
        (&[], &["dev"], &["prod"], known),
        (&["prod", "dev"], &[], &["dev"], known),
        (&["dev", "prod"], &[], &[], known),
        (&["prod"], &[], &[], known),
        (&["prod", "dev", "dev"], &[], &[], known),
        (&["prod", "dev"], &["dev"], &[], known),
        (&[], &["prod", "dev"], &[], own),
    ] {
        let rollback = MainEvent::Rollback {
            reason: "why".to_owned(),
            targets: targets.iter().map(|name| restore(name)).collect(),
            overtaken: overtaken.iter().map(|name| environment(name)).collect(),
            unknown: unknown.iter().map(|name| environment(name)).collect(),
        };
        let refused = match completed.apply(&rollback.into(), NOW) {
            Ok(_) => None,
            Err(Refusal::Guarded { guards, .. }) => {
                guards.iter().find(|guard| !guard.holds).map(|guard| guard.name)
            }
            Err(refusal @ Refusal::NotAllowed { .. }) => panic!("{refusal}"),
        };
        assert_eq!(refused, unmet, "{targets:?} without {overtaken:?} and {unknown:?}");
    }
}

/// Without anybody asking, only a rollout is rolled back that ran and itself failed.
#[test]
fn a_rollback_by_itself_needs_a_rollout_that_ran_and_failed() {
    let of_the_rollout =
        [Cause::PipelineFailed, Cause::PipelineExpired, Cause::StageTimeout, Cause::Unhealthy];
    let of_others = [
        Cause::PipelineRejected,
        Cause::Frozen,
        Cause::Aborted,
        Cause::PolicyDenied,
        Cause::Lost,
        Cause::Refused,
    ];
    for cause in of_the_rollout.into_iter().chain(of_others) {
        for execution in [Some(execution()), None] {
            let expected = of_the_rollout.contains(&cause) && execution.is_some();
            let status = RunStatus::Failed { execution, failure: failure(cause, Retry::Final) };
            let work = Work { stage: prod(), run: Run { attempt: 1, status } };
            let permit = Permit::Approved { request: approved() };
            let failed = sample("", &["dev", "prod"], State::Active { work, permit }).deployment;
            let next = plan::next(&failed, &Timing::default(), &Gates::new(), NOW);
            let rolls_back = matches!(&next, Next::Do(step) if matches!(**step, Step::RollBack { .. }));
            assert_eq!(rolls_back, expected, "{}", cause.as_str());
        }
    }
}
