//! Harness's words for the status of an execution, in ours.
//!
//! Harness has two vocabularies: the answer to a trigger speaks the engine's
//! (`APPROVAL_WAITING`), everything else the display's (`ApprovalWaiting`).
//! Without underscores and case most words coincide, so one table serves both.
//!
//! Harness's own programs disagree on `IgnoreFailed` and `Suspended`; we follow
//! its backend, for which both are final and positive.

use crate::domain::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use crate::domain::text::shortened;

use super::reason::Reason;

/// The longest status word that is shown.
const WORD_LIMIT: usize = 40;

#[derive(Clone, Copy)]
enum Meaning {
    Queued,
    Running,
    NeedsHuman(HumanWait),
    Succeeded,
    Failed(Cause),
    Aborted,
}

use Meaning::{Aborted, Failed, NeedsHuman, Queued, Running, Succeeded};

/// Every word that we know, in lower case and without underscores.
const WORDS: [(&str, Meaning); 35] = [
    ("notstarted", Queued),
    ("queued", Queued),
    ("queuedlicenselimitreached", Queued),
    ("queuedexecutionconcurrencyreached", Queued),
    ("queuedglobalinfracapacityreached", Queued),
    ("queuedsteplimitreached", Queued),
    ("queuedplancreation", Queued),
    ("startingplancreation", Queued),
    ("startingqueuedstep", Queued),
    ("running", Running),
    ("asyncwaiting", Running),
    ("taskwaiting", Running),
    ("timedwaiting", Running),
    ("waiting", Running),
    ("resourcewaiting", Running),
    ("waitsteprunning", Running),
    ("uploadwaiting", Running),
    ("pausing", Running),
    ("discontinuing", Running),
    ("approvalwaiting", NeedsHuman(HumanWait::Approval)),
    ("interventionwaiting", NeedsHuman(HumanWait::Intervention)),
    ("inputwaiting", NeedsHuman(HumanWait::Input)),
    ("paused", NeedsHuman(HumanWait::Paused)),
    ("success", Succeeded),
    ("succeeded", Succeeded),
    ("ignorefailed", Succeeded),
    ("skipped", Succeeded),
    ("suspended", Succeeded),
    ("failed", Failed(Cause::PipelineFailed)),
    ("errored", Failed(Cause::PipelineFailed)),
    ("expired", Failed(Cause::PipelineExpired)),
    ("approvalrejected", Failed(Cause::PipelineRejected)),
    ("abortedbyfreeze", Failed(Cause::Frozen)),
    ("freezefailed", Failed(Cause::Frozen)),
    ("aborted", Aborted),
];

/// What `word` says of an execution that failed, if it did, for `reason`.
pub(super) fn status(word: &str, reason: Reason) -> ExecutionStatus {
    match meaning(word) {
        Some(Queued) => ExecutionStatus::Queued,
        Some(Running) => ExecutionStatus::Running,
        Some(NeedsHuman(wait)) => ExecutionStatus::NeedsHuman(wait),
        Some(Succeeded) => ExecutionStatus::Succeeded,
        Some(Failed(cause)) => ExecutionStatus::Failed(failure(cause, word, reason)),
        Some(Aborted) => ExecutionStatus::Aborted,
        None => ExecutionStatus::Unknown(shown(word)),
    }
}

/// Whether `word` is a status. A list of executions with another one would be empty for ever.
pub(super) fn is_known(word: &str) -> bool {
    meaning(word).is_some()
}

fn meaning(word: &str) -> Option<Meaning> {
    let plain: String = word.chars().filter(|&letter| letter != '_').flat_map(char::to_lowercase).collect();
    WORDS.iter().find(|(known, _)| *known == plain).map(|(_, meaning)| *meaning)
}

/// `word`, safe to show.
pub(super) fn shown(word: &str) -> String {
    shortened(word, WORD_LIMIT)
}

fn failure(cause: Cause, word: &str, reason: Reason) -> Failure {
    let retry = match cause {
        // A person or a rule said no: asking again would be to argue.
        Cause::PipelineRejected | Cause::Frozen => Retry::Final,
        _ => reason.retry(),
    };
    let message = if reason.text.is_empty() {
        format!("Harness gives no reason for the status {}", shown(word))
    } else {
        reason.text
    };
    Failure { cause, message, retry }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Display word, engine word, ours.
    const BOTH: [(&str, &str, &str); 29] = [
        ("Success", "SUCCEEDED", "succeeded"),
        ("IgnoreFailed", "IGNORE_FAILED", "succeeded"),
        ("Skipped", "SKIPPED", "succeeded"),
        ("Suspended", "SUSPENDED", "succeeded"),
        ("Failed", "FAILED", "pipeline-failed"),
        ("Errored", "ERRORED", "pipeline-failed"),
        ("Expired", "EXPIRED", "pipeline-expired"),
        ("ApprovalRejected", "APPROVAL_REJECTED", "pipeline-rejected"),
        ("AbortedByFreeze", "FREEZE_FAILED", "frozen"),
        ("Aborted", "ABORTED", "aborted"),
        ("Running", "RUNNING", "running"),
        ("AsyncWaiting", "ASYNC_WAITING", "running"),
        ("TaskWaiting", "TASK_WAITING", "running"),
        ("TimedWaiting", "TIMED_WAITING", "running"),
        ("Discontinuing", "DISCONTINUING", "running"),
        ("ResourceWaiting", "RESOURCE_WAITING", "running"),
        ("WaitStepRunning", "WAIT_STEP_RUNNING", "running"),
        ("UploadWaiting", "UPLOAD_WAITING", "running"),
        ("Pausing", "PAUSING", "running"),
        ("Paused", "PAUSED", "needs-human Paused"),
        ("ApprovalWaiting", "APPROVAL_WAITING", "needs-human Approval"),
        ("InterventionWaiting", "INTERVENTION_WAITING", "needs-human Intervention"),
        ("InputWaiting", "INPUT_WAITING", "needs-human Input"),
        ("NotStarted", "NOT_STARTED", "queued"),
        ("Queued", "QUEUED", "queued"),
        ("QueuedLicenseLimitReached", "QUEUED_LICENSE_LIMIT_REACHED", "queued"),
        ("QueuedExecutionConcurrencyReached", "QUEUED_EXECUTION_CONCURRENCY_REACHED", "queued"),
        ("QueuedGlobalInfraCapacityReached", "QUEUED_GLOBAL_INFRA_CAPACITY_REACHED", "queued"),
        ("Waiting", "QUEUED_PLAN_CREATION", "running|queued"),
    ];

    fn named(word: &str) -> String {
        match status(word, Reason::default()) {
            ExecutionStatus::Queued => "queued".to_owned(),
            ExecutionStatus::Running => "running".to_owned(),
            ExecutionStatus::NeedsHuman(wait) => format!("needs-human {wait:?}"),
            ExecutionStatus::Succeeded => "succeeded".to_owned(),
            ExecutionStatus::Failed(failure) => failure.cause.as_str().to_owned(),
            ExecutionStatus::Aborted => "aborted".to_owned(),
            ExecutionStatus::Unknown(word) => format!("unknown {word}"),
        }
    }

    #[test]
    fn both_vocabularies_mean_the_same() {
        for (display, engine, ours) in BOTH {
            let (of_display, of_engine) = ours.split_once('|').unwrap_or((ours, ours));
            assert_eq!(named(display), of_display, "{display}");
            assert_eq!(named(engine), of_engine, "{engine}");
        }
    }

    #[test]
    fn an_unknown_word_survives_and_is_not_final() {
        let unknown = status("Frobnicating", Reason::default());
        assert_eq!(unknown, ExecutionStatus::Unknown("Frobnicating".to_owned()));
        assert!(!unknown.is_final());
    }

    #[test]
    fn a_rejection_and_a_freeze_are_final_whatever_the_failure_types_say() {
        let transient = Reason { text: String::new(), failure_types: vec!["TIMEOUT_FAILURE".to_owned()] };
        let retry = |word| match status(word, transient.clone()) {
            ExecutionStatus::Failed(failure) => failure.retry,
            other => panic!("{word} is {other:?}"),
        };
        assert_eq!(retry("Failed"), Retry::Retryable { after: None });
        assert_eq!(retry("Expired"), Retry::Retryable { after: None });
        assert_eq!(retry("ApprovalRejected"), Retry::Final);
        assert_eq!(retry("AbortedByFreeze"), Retry::Final);
    }
}
