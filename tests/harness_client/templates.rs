//! What a pipeline asks for, over real HTTP.

use deployment_orchestrator::domain::execution::{Cause, Retry};
use deployment_orchestrator::domain::runtime_input::Asked;
use deployment_orchestrator::harness::simulator::{Endpoint, Fault, Pipeline, Reply, Script};
use deployment_orchestrator::ports::Executions;

use super::{calls, harness, pipeline};

const TEMPLATE: &str = r#"
pipeline:
  identifier: deploy_dev
  stages:
    - stage: { identifier: rollout, spec: { service: { serviceRef: <+input> } } }
  variables:
    - name: size
      type: String
      required: true
      value: <+input>.allowedValues(s,m,l)
    - name: deployment_id
      type: String
      value: <+input>
"#;

#[tokio::test]
async fn the_template_is_read_and_the_key_told_apart() {
    let (simulator, client) =
        harness(Script::instant().with("deploy_dev", Pipeline::default().asking(TEMPLATE))).await;
    let template = client.template(&pipeline()).await.unwrap();
    let asked: Vec<&Asked> = template.inputs.iter().map(|input| &input.asked).collect();
    let field = Asked::Field("stages.rollout.stage.spec.service.serviceRef".to_owned());
    assert_eq!(asked, [&field, &Asked::Variable("size".parse().unwrap())]);
    assert_eq!(template.inputs[1].allowed, ["s", "m", "l"]);
    assert!(template.takes_key, "the tests' correlation variable is deployment_id");
    client.template(&pipeline()).await.unwrap();
    assert_eq!(calls(&simulator, Endpoint::Template), 1, "what was just read is not asked for again");
}

#[tokio::test]
async fn without_a_script_a_pipeline_takes_what_it_is_given() {
    let (_simulator, client) = harness(Script::instant()).await;
    let template = client.template(&pipeline()).await.unwrap();
    assert!(template.takes_key && template.variable(&"commit_sha".parse().unwrap()).is_some());
    assert!(template.inputs.iter().all(|input| !input.required));
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_told_apart() {
    let no_such = Script { other_pipelines: None, ..Script::instant() };
    let broken = Script::instant().with("deploy_dev", Pipeline::default().asking("pipeline: [\n"));
    let busy = Reply::Status { code: 503, retry_after: None };
    let busy = Script::instant().fault(Fault::ignored(Endpoint::Template, busy).times(100));
    let page = Script::instant().fault(Fault::ignored(Endpoint::Template, Reply::WebPage).times(100));
    for (script, cause, retry) in [
        (no_such, Cause::NotFound, Retry::Final),
        (broken, Cause::BadAnswer, Retry::Final),
        (busy, Cause::Upstream, Retry::Retryable { after: None }),
        (page, Cause::BadAnswer, Retry::Final),
    ] {
        let (_simulator, client) = harness(script).await;
        let error = client.template(&pipeline()).await.unwrap_err();
        assert_eq!((error.cause, error.retry), (cause, retry), "{error}");
    }
}

#[tokio::test]
async fn one_lost_reply_is_not_noticed() {
    let (simulator, client) =
        harness(Script::instant().fault(Fault::ignored(Endpoint::Template, Reply::Cut))).await;
    client.template(&pipeline()).await.unwrap();
    assert_eq!(calls(&simulator, Endpoint::Template), 2);
}
