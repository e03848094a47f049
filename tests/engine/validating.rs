//! Validation: what blocks, what only warns, and what is looked at again.

use deployment_orchestrator::app::findings::{FindingView, ValidationView};
use deployment_orchestrator::app::{Code, StartRequest};
use deployment_orchestrator::domain::execution::{Cause, Retry};
use deployment_orchestrator::domain::finding::{FindingCode, Level};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::rollback_way::RollbackWay;
use deployment_orchestrator::domain::runtime_input::{Asked, RuntimeInput, RuntimeInputs};
use deployment_orchestrator::domain::template::Template;
use deployment_orchestrator::domain::workflow::PipelineRun;
use deployment_orchestrator::ports::CallError;

use super::fake_harness::{optional, transient, usual_template};
use super::people::agent;
use super::world::{COMMIT, Talk, World, waits_until};

/// The usual template, asking for this, too.
fn asking(input: RuntimeInput) -> RuntimeInputs {
    let mut template = usual_template();
    template.inputs.retain(|known| known.asked != input.asked);
    template.inputs.push(input);
    template
}

fn required(asked: Asked) -> RuntimeInput {
    RuntimeInput { asked, required: true, allowed: Vec::new(), pattern: None }
}

fn variable(name: &str) -> Asked {
    Asked::Variable(name.parse().unwrap())
}

fn refusal(cause: Cause) -> CallError {
    CallError { cause, message: "Harness said no".to_owned(), retry: Retry::Final }
}

/// The codes and subjects, in their order.
fn said(findings: &[FindingView]) -> Vec<(&str, &str)> {
    findings.iter().map(|it| (it.code.as_str(), it.subject_untrusted.as_str())).collect()
}

async fn found(it: &Talk<'_>) -> ValidationView {
    let status = it.world.app.full_status(it.id.as_str()).await.unwrap();
    let found = status.validation.expect("validation has looked");
    for finding in found.errors.iter().chain(&found.warnings) {
        assert!(!finding.message_untrusted.is_empty() && !finding.fix.is_empty(), "{finding:?}");
    }
    found
}

#[tokio::test(start_paused = true)]
async fn what_harness_would_refuse_later_blocks_now_and_all_of_it_is_said_at_once() {
    let (world, _driving) = World::driven();
    let choice = RuntimeInput {
        allowed: vec!["us".to_owned(), "ap".to_owned()],
        ..optional("region".parse().unwrap())
    };
    let pattern = RuntimeInput { pattern: Some("[0-9]+".to_owned()), ..optional("branch".parse().unwrap()) };
    let field = Asked::Field("stages.rollout.spec.serviceRef".to_owned());
    world.harness.asks("build_and_push", Err(refusal(Cause::NotFound)));
    world.harness.asks("run_tests", Ok(asking(required(variable("suite")))));
    world.harness.asks("deploy_dev", Ok(asking(choice)));
    world.harness.asks("deploy_staging", Ok(asking(pattern)));
    world.harness.asks("deploy_prod", Ok(asking(required(field))));
    let it = world.deploy().await;

    it.reaches("failed").await;

    let found = found(&it).await;
    assert_eq!(
        said(&found.errors),
        [
            ("pipeline-not-found", "pipelines.build.pipeline"),
            ("input-missing", "variables.suite"),
            ("input-not-allowed", "variables.region"),
            ("input-not-allowed", "branch"),
            ("input-missing", "environments.prod.input_sets"),
        ]
    );
    assert!(found.warnings.is_empty());
    assert!(world.harness.runs().is_empty(), "nothing ran");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn warnings_do_not_block_and_whoever_approves_reads_them() {
    let (world, _driving) = World::driven();
    let mut without_key = RuntimeInputs { takes_key: false, ..usual_template() };
    without_key.inputs.retain(|input| input.asked != variable("commit_sha"));
    world.harness.asks("deploy_dev", Ok(without_key));
    world.harness.asks("run_tests", Err(refusal(Cause::BadAnswer)));
    let issues = vec!["SHOP-1".to_owned(), "SHOP-2".to_owned(), "SHOP-1".to_owned()];
    let it = world.start(StartRequest { jira_issues: issues, ..StartRequest::default() }).await;

    it.asks(1).await;

    let warned = [
        ("issue-duplicate", "jira_issues"),
        ("template-unreadable", "pipelines.test.pipeline"),
        ("commit-unused", "environments.dev.pipeline"),
        ("correlation-missing", "environments.dev.pipeline"),
    ];
    assert_eq!(said(&found(&it).await.warnings), warned);
    let asked = world.app.approval(it.id.as_str()).await.unwrap();
    assert_eq!(said(&asked.warnings), warned);
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn an_input_that_goes_nowhere_is_said_once_all_pipelines_were_read() {
    let (world, _driving) = World::driven_under(|policy| {
        policy.workflow.build.variables =
            [("flavour".parse().unwrap(), Template::plain("small".to_owned()))].into();
    });
    for pipeline in ["build_and_push", "run_tests", "deploy_dev", "deploy_staging", "deploy_prod"] {
        let mut template = usual_template();
        template.inputs.retain(|input| input.asked != variable("region"));
        world.harness.asks(pipeline, Ok(template));
    }
    let it = world.deploy().await;

    it.asks(1).await;

    let warned =
        [("input-unknown", "pipelines.build.variables.flavour"), ("variable-unused", "variables.region")];
    assert_eq!(said(&found(&it).await.warnings), warned);
}

#[tokio::test(start_paused = true)]
async fn an_input_set_may_give_what_is_required() {
    let (world, _driving) = World::driven_under(|policy| {
        policy.workflow.test.input_sets = vec![Template::plain("ci_defaults".to_owned())];
    });
    world.harness.asks("run_tests", Ok(asking(required(variable("suite")))));

    let it = world.deploy().await;
    it.asks(1).await;
    assert_eq!(said(&found(&it).await.errors), []);
}

#[tokio::test(start_paused = true)]
async fn the_config_decides_what_blocks_and_says_that_production_has_no_gate() {
    let (world, _driving) = World::driven_under(|policy| {
        policy.workflow.environments[2].gated = false;
        policy.validation.levels = [(FindingCode::ProductionNotGated, Level::Error)].into();
    });

    let it = world.deploy().await;
    it.reaches("failed").await;
    assert_eq!(said(&found(&it).await.errors), [("production-not-gated", "environments.prod.approval")]);
    assert!(world.harness.runs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_may_succeed_later_is_made_again_and_each_pipeline_is_read_once() {
    let (world, _driving) = World::driven();
    world.harness.asks("build_and_push", Err(transient(Cause::Upstream, "a server error")));
    let it = world.deploy().await;

    it.until(|it| waits_until(it).is_some()).await;
    assert!(
        world.app.full_status(it.id.as_str()).await.unwrap().validation.is_none(),
        "it has found nothing yet"
    );
    it.asks(1).await;

    let read = world.harness.templates_read();
    let read: Vec<&str> = read.iter().map(|pipeline| pipeline.as_str()).collect();
    let all = ["build_and_push", "run_tests", "deploy_dev", "deploy_staging", "deploy_prod"];
    assert_eq!(read, [&all[..1], &all[..]].concat());
    it.assert_sound();
}

/// Start with these manifests.
async fn naming<'w>(world: &'w World, manifests: &str) -> Talk<'w> {
    world.start(StartRequest { manifests: Some(manifests.to_owned()), ..StartRequest::default() }).await
}

#[tokio::test(start_paused = true)]
async fn manifests_are_looked_at_where_they_are_named() {
    let checkouts = tempfile::tempdir().unwrap();
    let root = checkouts.path().to_owned();
    std::fs::create_dir(root.join("shop")).unwrap();
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{ name: a, image: 'a:${TAG}' }]\n";
    std::fs::write(root.join("shop/pod.yaml"), text).unwrap();
    let (world, _driving) = World::driven_under(|policy| policy.validation.manifests_root = Some(root));

    let it = naming(&world, "shop").await;
    it.reaches("failed").await;
    let what = found(&it).await;
    assert_eq!(said(&what.errors), [("placeholder-left", "shop/pod.yaml:4")]);
    assert_eq!(said(&what.warnings), [("resources-missing", "shop/pod.yaml:4")]);

    let it = naming(&world, "elsewhere").await;
    it.reaches("failed").await;
    assert_eq!(said(&found(&it).await.errors), [("manifests-unreadable", "manifests")]);

    let it = world.deploy().await;
    it.asks(1).await;
    assert_eq!(said(&found(&it).await.warnings), [], "without a name nothing is looked at");
    it.assert_sound();
}

#[tokio::test(start_paused = true)]
async fn manifests_without_a_root_or_out_of_it_are_refused_at_the_start() {
    let request = |manifests: &str| StartRequest {
        repository: "acme/checkout".to_owned(),
        branch: "main".to_owned(),
        commit_sha: COMMIT.to_owned(),
        manifests: Some(manifests.to_owned()),
        ..StartRequest::default()
    };
    let world = World::new();
    let refused = world.app.start(request("shop"), agent()).await.unwrap_err();
    assert!(refused.hint.contains("manifests_root"), "{refused:?}");

    let (world, _driving) =
        World::driven_under(|policy| policy.validation.manifests_root = Some("/srv".into()));
    let refused = world.app.start(request("../etc"), agent()).await.unwrap_err();
    assert_eq!(refused.code, Code::MalformedArgument);
}

#[tokio::test(start_paused = true)]
async fn a_locked_environment_on_the_way_is_said_beforehand_and_blocks_nothing() {
    let (world, _driving) = World::driven();
    let ada = Actor::at_command_line("ada".parse().unwrap());
    world.app.lock("staging", None, "a move", &ada).await.unwrap();
    world.app.lock("prod", Some("checkout"), "an audit", &ada).await.unwrap();
    let it = world.deploy().await;
    it.until(|it| it.progress.held.is_some()).await;
    let found = found(&it).await;
    let locked = ["environments.staging", "environments.prod"].map(|name| ("environment-locked", name));
    assert_eq!(said(&found.warnings), locked, "one for all services, one for this");
    for (warning, why) in found.warnings.iter().zip(["a move", "an audit"]) {
        assert!(warning.message_untrusted.contains(why), "{warning:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_rolls_back_is_looked_at_with_what_it_would_be_given() {
    let (world, _driving) = World::driven_under(|policy| {
        policy.workflow.environments[2].rollback = RollbackWay::Pipeline(PipelineRun {
            pipeline: "rollback_prod".parse().unwrap(),
            input_sets: Vec::new(),
            variables: [("flavour".parse().unwrap(), Template::plain("small".to_owned()))].into(),
            timeout_ms: None,
        });
    });
    let mut template = asking(required(variable("restored_deployment_id")));
    template.inputs.push(required(variable("ticket")));
    world.harness.asks("rollback_prod", Ok(template));

    let it = world.deploy().await;
    it.reaches("failed").await;
    let what = found(&it).await;
    assert_eq!(said(&what.errors), [("input-missing", "environments.prod.rollback.variables.ticket")]);
    assert!(what.errors[0].message_untrusted.contains("restoring-prod"), "{what:?}");
    assert_eq!(said(&what.warnings), [("input-unknown", "environments.prod.rollback.variables.flavour")]);

    world.harness.asks("rollback_prod", Err(refusal(Cause::NotFound)));
    let it = world.deploy().await;
    it.reaches("failed").await;
    assert_eq!(
        said(&found(&it).await.errors),
        [("pipeline-not-found", "environments.prod.rollback.pipeline")]
    );
    assert!(world.harness.runs().is_empty());
}
