//! One message of each shape, as every channel gets them: a deployment of
//! `acme/checkout` to prod that an agent asked for, for Ada. Grace and Alan may approve.

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::commit::Commit;
use deployment_orchestrator::domain::id::{CommitSha, DeploymentId, PrincipalName};
use deployment_orchestrator::domain::message::{About, Asked, Live, Message, Seen};
use deployment_orchestrator::domain::notice::{Notice, Topic};
use deployment_orchestrator::domain::principal::Principal;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;

/// When the deployment was started, in milliseconds: 2026-11-25 at 09:00 UTC.
const START: i64 = 1_795_597_200_000;

/// The commit.
pub(crate) const COMMIT: &str = "5c1b2f09e1d34c7aa0b7e2f1c9d8e7f6a5b4c3d2";

/// Where the deployment's page is.
const SITE: &str = "https://deploy.acme.example";

/// What decisions are bound to.
pub(crate) const DIGEST: &str = "9f2c1a7be0d4638c55a1f0e2b7c8d9604f3e2d1c0b9a88776655443322110fed";

/// All of them, each with a name.
pub(crate) fn all() -> Vec<(&'static str, Message)> {
    vec![
        ("started", started()),
        ("approval_requested", approval_requested()),
        ("reminder", reminder()),
        ("escalated", escalated()),
        ("decided", decided()),
        ("withdrawn", withdrawn()),
        ("failed", failed()),
        ("rolled_back", rolled_back()),
        ("completed", completed()),
        ("break_glass", break_glass()),
        ("hostile", hostile()),
    ]
}

/// The deployment begins.
pub(crate) fn started() -> Message {
    message(1, Topic::Started, "deployment started", "validating")
}

/// People are asked, with all that they may want to see.
pub(crate) fn approval_requested() -> Message {
    let text = format!("approval needed, digest {DIGEST}: deployment-orchestrator approve {}", id());
    Message { asked: Some(asked()), ..message(9, Topic::ApprovalRequested, &text, "awaiting-approval") }
}

/// People are asked once more for the same.
pub(crate) fn reminder() -> Message {
    let text = format!("approval still needed: deployment-orchestrator approve {}", id());
    Message {
        asked: Some(Asked { approved_by: vec![person("alan")], required: 2, ..asked() }),
        ..message(10, Topic::ApprovalRequested, &text, "awaiting-approval")
    }
}

/// Nobody has decided for long.
pub(crate) fn escalated() -> Message {
    let text = format!(
        "nobody has decided on prod since 2026-11-25T09:09:00.000Z, and at 2026-11-26T09:09:00.000Z it fails: \
         deployment-orchestrator approve {}",
        id()
    );
    Message { asked: Some(asked()), ..message(10, Topic::ApprovalEscalated, &text, "awaiting-approval") }
}

/// Somebody approved, and that was enough.
pub(crate) fn decided() -> Message {
    message(11, Topic::ApprovalDecided, "grace approved prod", "deploying-prod")
}

/// The question was taken back.
pub(crate) fn withdrawn() -> Message {
    let text = "the approval request is taken back: a fix comes first";
    message(11, Topic::ApprovalDecided, text, "awaiting-approval")
}

/// It went wrong, and somebody must look.
pub(crate) fn failed() -> Message {
    let text = "execution-failed in deploying-prod: Harness says: pods of checkout are not ready after 600 s";
    ended(message(13, Topic::Failed, text, "failed"))
}

/// What went out is back.
pub(crate) fn rolled_back() -> Message {
    ended(message(16, Topic::RolledBack, "rolled back", "rolled-back"))
}

/// It is done.
pub(crate) fn completed() -> Message {
    ended(message(14, Topic::Completed, "completed on prod", "completed"))
}

/// The emergency door was used.
pub(crate) fn break_glass() -> Message {
    let text = "BREAK GLASS: production rules were passed over, a review is due: grace: payments are down; alan: seen, too";
    message(12, Topic::BreakGlass, text, "deploying-prod")
}

/// Everything that others wrote tries to be markup, or to reach everybody.
pub(crate) fn hostile() -> Message {
    let evil = "<!channel> <!here> <@U0001> @here *bold* _x_ `code` ~s~ <https://evil.example|click> \
                <script>alert(1)</script> [link](https://evil.example) {code} &amp; \"'";
    let mut asked = asked();
    asked.cautions = vec![evil.to_owned(), "x".repeat(5_000), "&".repeat(3_000)];
    asked.commits = (0..200).map(|number| commit(&format!("{number:07x}"), "mallory", evil)).collect();
    asked.evidence = (0..20)
        .map(|number| Seen {
            url: "https://app.harness.io/x|y>z?a=1&b=<2>".to_owned(),
            ..seen("testing", &format!("exec-{number}"), number)
        })
        .collect();
    let mut message = Message {
        asked: Some(asked),
        ..message(9, Topic::ApprovalRequested, &format!("{evil} {}", "y".repeat(9_000)), "awaiting-approval")
    };
    message.about.initiator =
        Principal::Agent { client: "<!everyone> & *co*".to_owned(), on_behalf_of: person("ada") };
    message.about.branch = "feature/#1@here".parse().unwrap();
    message.earlier = (1..=30).map(|version| notice(version, Topic::StageCompleted, evil)).collect();
    message
}

/// The deployment's id.
pub(crate) fn id() -> DeploymentId {
    DeploymentId::new(START.unsigned_abs(), 7)
}

/// A message about the deployment at `version`, and what came before.
fn message(version: u64, topic: Topic, text: &str, state: &str) -> Message {
    let earlier = [
        (1, Topic::Started, "deployment started"),
        (4, Topic::StageCompleted, "BUILD_COMPLETE"),
        (5, Topic::StageCompleted, "TESTS_PASSED"),
        (7, Topic::StageCompleted, "STAGING_DEPLOYED"),
        (9, Topic::ApprovalRequested, "approval needed"),
        (11, Topic::ApprovalDecided, "grace approved prod"),
    ];
    let before = earlier.into_iter().filter(|(earlier, ..)| *earlier < version);
    Message {
        notice: notice(version, topic, text),
        severity: topic.severity(),
        about: About {
            deployment: id(),
            repository: "acme/checkout".parse().unwrap(),
            service: "checkout".parse().unwrap(),
            branch: "main".parse().unwrap(),
            commit: sha(COMMIT),
            target: Some("prod".parse().unwrap()),
            state: state.to_owned(),
            ended: false,
            initiator: Principal::Agent { client: "claude-code".to_owned(), on_behalf_of: person("ada") },
            issues: vec!["SHOP-42".parse().unwrap()],
        },
        page: Some(format!("{SITE}/deployments/{}", id())),
        execution: None,
        asked: None,
        earlier: before.map(|(version, topic, text)| notice(version, topic, text)).collect(),
    }
}

fn ended(message: Message) -> Message {
    Message { about: About { ended: true, ..message.about }, ..message }
}

fn notice(version: u64, topic: Topic, text: &str) -> Notice {
    Notice {
        key: format!("{}:{version}:{}", id(), topic.as_str()),
        deployment: id(),
        topic,
        environment: Some("prod".parse().unwrap()),
        text: format!("checkout {COMMIT}: {text}"),
        at: minute(version),
    }
}

/// The whole question.
fn asked() -> Asked {
    Asked {
        request: 1,
        environment: "prod".parse().unwrap(),
        digest: Digest(DIGEST.to_owned()),
        pipeline: "deploy_prod".parse().unwrap(),
        expires_at: minute(9 + 24 * 60),
        approvers: vec![person("alan"), person("grace")],
        required: 1,
        approved_by: Vec::new(),
        accepts: vec![Assurance::Signed, Assurance::Web, Assurance::Slack],
        replaces: Some(Live {
            commit: sha("0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"),
            deployment: DeploymentId::new(START.unsigned_abs() - 500_000_000, 3),
            since: Timestamp(START - 495_000_000),
        }),
        commits: vec![
            commit(COMMIT, "ada", "Round the tax per line and not per basket"),
            commit(
                "77aa88bb99cc00dd11ee22ff33445566778899aa",
                "alan",
                "SHOP-42: name the tax in the receipt",
            ),
        ],
        evidence: vec![seen("testing", "Tst4xZ", 5), seen("deploying-staging", "Stg9qW", 7)],
        cautions: vec!["the stage deploying-dev is left out: hotfix".to_owned()],
        page: Some(format!("{SITE}/approvals/{}", id())),
    }
}

fn commit(hash: &str, author: &str, message: &str) -> Commit {
    Commit {
        sha: sha(hash),
        author: Some(person(author)),
        message: message.to_owned(),
        committed_at: Some(minute(0)),
    }
}

fn seen(stage: &str, execution: &str, at: u64) -> Seen {
    Seen {
        stage: stage.to_owned(),
        execution: execution.parse().unwrap(),
        url: format!("https://app.harness.io/ng/account/acme/executions/{execution}"),
        at: minute(at),
    }
}

fn minute(number: u64) -> Timestamp {
    Timestamp(START + i64::try_from(number).unwrap() * 60_000)
}

fn sha(text: &str) -> CommitSha {
    text.parse().unwrap()
}

fn person(name: &str) -> PrincipalName {
    name.parse().unwrap()
}
