//! What placeholders of the config become: in what is sent, in what people approve,
//! in a restore, and in a database from before there were any.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a test's own work"
)]

use deployment_orchestrator::domain::deployment::{Deployment, Mode};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::run::Run;
use deployment_orchestrator::domain::state::{Restore, Rollback, State, Version};
use deployment_orchestrator::domain::subject::{Digest, Subject};
use deployment_orchestrator::domain::template::Template;
use deployment_orchestrator::domain::workflow::{Stage, Workflow};

use fixtures::{deployment, environment};

#[expect(dead_code, reason = "other tests need more of it")]
mod fixtures;

/// A deployment that gives prod a variable `says`, and an input set, of this text.
fn saying(text: Template) -> Deployment {
    let mut deployment = deployment(Mode::Auto);
    let mut spec = (*deployment.spec).clone();
    let prod = &mut spec.workflow.environments[1].deploy;
    prod.variables.insert("says".parse().unwrap(), text.clone());
    prod.input_sets.push(text);
    deployment.spec = spec.into();
    deployment
}

fn subject(deployment: &Deployment, stage: &Stage) -> Subject {
    deployment.subject(stage, None).unwrap()
}

fn said(deployment: &Deployment, stage: &Stage) -> String {
    let Subject { inputs, input_sets, .. } = subject(deployment, stage);
    assert_eq!(input_sets, [inputs[&"says".parse().unwrap()].clone()]);
    input_sets.concat()
}

#[test]
fn what_people_approve_is_what_was_filled_in() {
    let text = "${deployment.repository} ${deployment.service} ${deployment.branch} ${deployment.commit_sha} ${environment.name}";
    let template = saying(text.parse().unwrap());
    let prod = Stage::Deploying(environment("prod"));
    assert_eq!(said(&template, &prod), "acme/checkout checkout main 0123abc prod");

    let plain = saying(Template::plain(said(&template, &prod)));
    let digest = |deployment| Digest::of(&subject(deployment, &prod));
    assert_eq!(digest(&template), digest(&plain), "the digest covers the value, not the template");
}

#[test]
fn a_restore_speaks_of_the_version_that_is_put_back() {
    let mut deployment =
        saying("${deployment.id} ${deployment.commit_sha} ${deployment.branch}".parse().unwrap());
    let version = Version {
        deployment: DeploymentId::new(0, 7),
        commit: "beef123".parse().unwrap(),
        branch: "release".parse().unwrap(),
        variables: deployment.spec.variables.clone(),
    };
    let expected = format!("{} beef123 release", version.deployment);
    let now = Restore { environment: environment("prod"), version, delivered: true };
    deployment.progress.state =
        State::RollingBack(Box::new(Rollback { stopping: None, run: Run::first(), now, then: Vec::new() }));
    assert_eq!(said(&deployment, &Stage::Restoring(environment("prod"))), expected);
}

#[test]
fn a_value_that_was_filled_in_and_a_callers_variable_are_never_read_as_templates() {
    let mut deployment = saying("${deployment.branch}".parse().unwrap());
    let mut spec = (*deployment.spec).clone();
    spec.variables.insert("theirs".parse().unwrap(), "${deployment.id}".to_owned());
    deployment.spec = spec.into();
    let subject = subject(&deployment, &Stage::Deploying(environment("prod")));
    assert_eq!(subject.inputs[&"theirs".parse().unwrap()], "${deployment.id}");
}

#[test]
fn a_workflow_from_before_there_were_placeholders_means_and_stays_the_same_text() {
    let stored = r#"{"build":{"pipeline":"b","input_sets":["${deployment.id}"],"variables":{"a":"${x} $${y}"}},"test":{"pipeline":"t"},"environments":[{"name":"dev","production":false,"gated":false,"deploy":{"pipeline":"d"}}]}"#;
    let workflow: Workflow = serde_json::from_str(stored).unwrap();
    assert_eq!(serde_json::to_string(&workflow).unwrap(), stored);

    let mut deployment = deployment(Mode::Auto);
    let mut spec = (*deployment.spec).clone();
    spec.workflow = workflow;
    deployment.spec = spec.into();
    let building = subject(&deployment, &Stage::Building);
    assert_eq!(building.input_sets, ["${deployment.id}"]);
    assert_eq!(building.inputs[&"a".parse().unwrap()], "${x} $${y}");
}

#[test]
fn what_is_filled_into_an_address_stays_in_its_place() {
    let mut deployment = deployment(Mode::Auto);
    let mut spec = (*deployment.spec).clone();
    spec.branch = "a/b#c@d+e".parse().unwrap();
    let health = spec.workflow.environments[1].health.as_mut().unwrap();
    health.url = "https://${deployment.service}.${environment.name}.acme.example/${deployment.branch}?r=${deployment.repository}"
        .parse()
        .unwrap();
    deployment.spec = spec.into();
    assert_eq!(
        deployment.health_url(&Stage::Deploying(environment("prod"))).unwrap(),
        "https://checkout.prod.acme.example/a%2Fb%23c%40d%2Be?r=acme%2Fcheckout"
    );
    assert_eq!(deployment.health_url(&Stage::Deploying(environment("dev"))), None);
}
