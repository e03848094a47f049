//! What a path may leave out, and what it asks for that.

use std::collections::BTreeSet;

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::entrance::{Proof, SOAK};
use deployment_orchestrator::domain::gate::Gate;
use deployment_orchestrator::domain::workflow::Stage;

use super::{ONE, TWO, assert_refused, load};

/// Two gates: qa asks for one of dana and frank, prod for two of three or less. `path` is the path.
fn on_a_path(path: &str) -> String {
    format!(
        r#"
[people.dana]
public_key = "{ONE}"
[people.erin]
public_key = "{TWO}"
[people.vic]
roles = ["viewer"]
[groups]
oncall = ["dana", "erin"]
others = ["vic"]
[[environments]]
name = "dev"
[[environments]]
name = "qa"
approval = {{ approvers = ["group:oncall"], expires_after = "2h" }}
[[environments]]
name = "staging"
[[environments]]
name = "prod"
approval = {{ approvers = ["group:oncall"], accept = ["signed"] }}
[paths.hotfix]
{path}
"#
    )
}

#[test]
fn a_path_leaves_out_no_gate_and_is_open_to_somebody() {
    let two = "approval = { required_approvals = 2 }";
    let table = [
        ("skip = []", "the ordinary way leaves nothing out"),
        ("skip = [\"dev\"]\nmay_begin = []", "may_begin"),
        ("skip = [\"validating\"]", "`validating` is never skipped"),
        ("skip = [\"building\"]", "`building` is never skipped"),
        ("skip = [\"deploying-dev\"]", "write testing or one of dev, qa, staging, prod"),
        ("skip = [\"prod\"]", "`prod` is where deployments end"),
        ("skip = [\"qa\"]", "qa has an approval, and no approval is skipped"),
        ("skip = [\"dev\"]\nmay_start = []", "nobody could take it"),
        ("skip = [\"dev\"]\nmay_start = [\"gina\"]", "[people.gina]"),
        ("skip = [\"dev\"]\nmay_start = [\"group:others\"]", "do not include \"operator\""),
    ];
    assert_refused(table.map(|(path, says)| (on_a_path(&format!("{path}\n{two}")), says)));
    let misnamed = on_a_path(&format!("skip = [\"dev\"]\n{two}")).replace("[paths.hotfix]", "[paths.Hotfix]");
    assert_refused([(misnamed, "a name of a path")]);
}

#[test]
fn a_path_asks_for_more_and_never_for_less() {
    assert_refused([(on_a_path("skip = [\"dev\"]"), "missing field `approval`")]);
    let table = [
        ("", "it asks no more than the ordinary way"),
        ("required_approvals = 1", "it asks no more than the ordinary way"),
        ("required_approvals = 0", "the environment asks for 1"),
        ("required_approvals = 3", "only 2 could"),
        ("required_groups = [\"x\"]", "no group `x`"),
        ("required_groups = [\"others\"]", "nobody of the required group `others`"),
        ("required_approvals = 2, allow_self_approval = true", "`allow_self_approval` may only be false"),
        ("required_approvals = 2, expires_after = \"3h\"", "before qa: `expires_after` is longer"),
        ("required_approvals = 2, accept = [\"signed\", \"web\"]", "before prod: `accept` has `web`"),
        ("required_approvals = 2, accept = []", "no decision would ever count"),
    ];
    assert_refused(
        table.map(|(demands, says)| {
            (on_a_path(&format!("skip = [\"dev\"]\napproval = {{ {demands} }}")), says)
        }),
    );
}

#[test]
fn a_path_keeps_the_gates_and_puts_its_own_demands_on_top() {
    let path = "skip = [\"staging\", \"testing\"]\nmay_start = [\"group:oncall\"]\n\
                approval = { required_approvals = 2, required_groups = [\"oncall\"], expires_after = \"1h\" }";
    let policy = load(&on_a_path(path)).unwrap();
    let name = "hotfix".parse().unwrap();
    let skip: Vec<String> = policy.paths[&name].skip.iter().map(ToString::to_string).collect();
    assert_eq!(skip, ["testing", "deploying-staging"]);
    assert_eq!(policy.paths[&name].may_start.as_ref().map(BTreeSet::len), Some(2));
    for (environment, gate) in policy.gates_on(Some(&name)).iter() {
        let ordinary = &policy.gates_on(None)[environment];
        assert_eq!((gate.required_approvals, gate.required_groups.len()), (2, 1));
        assert_eq!((gate.expires_after_ms, &gate.accept), (3_600_000, &ordinary.accept));
        assert_ne!(gate.version(), ordinary.version());
    }
    assert!(policy.gates_on(Some(&"other".parse().unwrap())).is_empty(), "nobody opens an unknown path");
}

/// Somebody may write into the database what no config may say.
#[test]
fn what_is_never_left_out_is_not_left_out_whatever_is_stored() {
    let policy = load(&on_a_path("skip = [\"dev\"]\napproval = { required_approvals = 2 }")).unwrap();
    let deploying = ["dev", "qa", "staging", "prod"].map(|name| Stage::Deploying(name.parse().unwrap()));
    let first = [Stage::Validating, Stage::Building, Stage::Testing];
    let all: BTreeSet<Stage> = first.into_iter().chain(deploying).collect();
    let way = policy.workflow.without(&all);
    assert_eq!(way.skipped.len(), all.len());
    let skipped: Vec<String> = all.iter().filter(|stage| way.skips(stage)).map(ToString::to_string).collect();
    assert_eq!(skipped, ["testing", "deploying-dev", "deploying-staging"]);
}

#[test]
fn a_path_waives_no_evidence_but_of_what_it_leaves_out() {
    let (tests, before) = (Proof::TestsPassed.as_str(), Proof::PreviousEnvironment.as_str());
    for (skip, qa, prod) in [
        ("\"testing\"", &[tests][..], &[tests][..]),
        ("\"dev\"", &[before, SOAK], &[]),
        ("\"staging\"", &[], &[before, SOAK]),
        ("\"dev\", \"testing\"", &[tests, before, SOAK], &[tests]),
    ] {
        let path = format!("skip = [{skip}]\napproval = {{ required_approvals = 2 }}");
        let policy = load(&on_a_path(&path)).unwrap();
        let way = policy.workflow.clone().without(&policy.paths[&"hotfix".parse().unwrap()].skip);
        let waived = ["qa", "prod"].map(|name| way.waives(&name.parse().unwrap()));
        assert_eq!(waived, [qa, prod], "without {skip}");
    }
}

/// The gate of prod on a path with these `demands`, where Dana and Erin approve with
/// their keys and Frank has none, and the environment's own rules say `rules`.
fn demanded(rules: &str, demands: &str) -> Result<Gate, String> {
    let policy = load(&format!(
        r#"
[people.dana]
public_key = "{ONE}"
[people.erin]
public_key = "{TWO}"
[people.frank]
[[environments]]
name = "dev"
[[environments]]
name = "prod"
approval = {{ approvers = ["dana", "erin", "frank"], {rules} }}
[paths.hotfix]
skip = ["dev"]
approval = {{ {demands} }}
"#
    ))?;
    let gates = policy.gates_on(Some(&"hotfix".parse().unwrap()));
    Ok(gates.get(&"prod".parse().unwrap()).unwrap().clone())
}

#[test]
fn each_demand_makes_the_gate_harder_and_leaves_the_rest() {
    let open = "allow_self_approval = true, accept = [\"signed\", \"client-confirmed\"]";
    let two = demanded(open, "required_approvals = 2").unwrap();
    assert_eq!((two.required_approvals, two.allow_self_approval, two.accept.len()), (2, true, 2));
    assert!(!demanded(open, "allow_self_approval = false").unwrap().allow_self_approval);
    assert_eq!(demanded(open, "accept = [\"signed\"]").unwrap().accept, [Assurance::Signed]);
    let as_long = demanded(
        "expires_after = \"2h\", accept = [\"signed\", \"client-confirmed\"]",
        "required_approvals = 2, expires_after = \"2h\"",
    );
    assert_eq!(as_long.unwrap().expires_after_ms, 7_200_000, "no longer than in the environment");
    // Frank can confirm and cannot sign.
    assert!(demanded(open, "required_approvals = 3").is_ok());
    let few = demanded(open, "required_approvals = 3, accept = [\"signed\"]").unwrap_err();
    assert!(few.contains("3 people are to approve, and only 2 could"), "{few}");
}
