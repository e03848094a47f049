//! What a path may leave out, and what it asks for that.

use std::collections::BTreeSet;

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
