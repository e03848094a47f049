//! Messages as the outbox makes them.

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::id::{DeploymentId, IssueKey, PipelineId, PrincipalName};
use deployment_orchestrator::domain::message::{About, Asked, Message, Seen};
use deployment_orchestrator::domain::notice::{Notice, Topic};
use deployment_orchestrator::domain::principal::Principal;
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;

pub(crate) const FIRST: &str = "dep_01KB00000000000000000000AA";
pub(crate) const SECOND: &str = "dep_01KB00000000000000000000BB";

pub(crate) fn issue() -> IssueKey {
    "SHOP-42".parse().unwrap()
}

fn deployment(id: &str) -> DeploymentId {
    id.parse().unwrap()
}

pub(crate) fn notice(id: &str, topic: Topic, text: &str, minute: i64) -> Notice {
    Notice {
        key: format!("{id}:{minute}:{}", topic.as_str()),
        deployment: deployment(id),
        topic,
        environment: Some("prod".parse().unwrap()),
        text: text.to_owned(),
        at: Timestamp(1_764_028_800_000 + minute * 60_000),
    }
}

/// About a deployment to prod that is in `state` since `notice`.
pub(crate) fn message(notice: Notice, state: &str, earlier: Vec<Notice>) -> Message {
    Message {
        severity: notice.topic.severity(),
        about: About {
            deployment: notice.deployment.clone(),
            repository: "acme/checkout".parse().unwrap(),
            service: "checkout".parse().unwrap(),
            branch: "feature/SHOP-42-retry".parse().unwrap(),
            commit: "5c1b2f09e1d3".parse().unwrap(),
            target: Some("prod".parse().unwrap()),
            state: state.to_owned(),
            ended: matches!(state, "completed" | "failed" | "rolled-back" | "cancelled"),
            initiator: Principal::Agent { client: "claude-code".to_owned(), on_behalf_of: person("ada") },
            issues: vec![issue()],
        },
        page: Some(format!("https://deploy.acme.example/deployments/{}", notice.deployment)),
        execution: None,
        asked: None,
        earlier,
        notice,
    }
}

pub(crate) fn started(id: &str) -> Message {
    message(
        notice(id, Topic::Started, "checkout 5c1b2f09e1d3: deployment started", 0),
        "validating",
        Vec::new(),
    )
}

pub(crate) fn completed(id: &str) -> Message {
    let done = notice(id, Topic::Completed, "checkout 5c1b2f09e1d3: completed on prod", 20);
    message(done, "completed", vec![started(id).notice])
}

/// People are asked; and somebody has written markup wherever they could.
pub(crate) fn hostile() -> Message {
    let text = "checkout 5c1b2f09e1d3: attempt failed: [~admin] {color:red}now{color} !http://evil.example/x.png! \
                *bold* -gone- {code}\\\\ [click|javascript:alert(1)] <b>&amp; h1. Big | a || b |\u{202E}gnp";
    let earlier = vec![started(FIRST).notice, notice(FIRST, Topic::AttemptFailed, text, 5)];
    let now = notice(FIRST, Topic::ApprovalRequested, "checkout 5c1b2f09e1d3: approval needed", 10);
    let mut message = message(now, "awaiting-approval", earlier);
    message.about.branch = "feature/-gone-_x_#1@me+".parse().unwrap();
    message.asked = Some(asked());
    message
}

fn asked() -> Asked {
    let pipeline: PipelineId = "deploy_prod".parse().unwrap();
    Asked {
        request: 1,
        environment: "prod".parse().unwrap(),
        digest: Digest::of(&"what is sent"),
        pipeline,
        expires_at: Timestamp(1_764_115_200_000),
        approvers: vec![person("dana"), person("erin")],
        required: 2,
        approved_by: vec![person("dana")],
        accepts: vec![Assurance::Signed],
        replaces: None,
        commits: Vec::new(),
        evidence: vec![Seen {
            stage: "testing".to_owned(),
            execution: "YQSt1".parse().unwrap(),
            url: "https://app.harness.io/ng/executions/YQSt1".to_owned(),
            at: Timestamp(1_764_028_900_000),
        }],
        cautions: Vec::new(),
        page: Some(format!("https://deploy.acme.example/approvals/{FIRST}")),
    }
}

fn person(name: &str) -> PrincipalName {
    name.parse().unwrap()
}
