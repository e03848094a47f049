//! What the config file may say, and what it may not: a gate that is not what its
//! author meant must be an error at start, and never an open door.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's own work")]

use deployment_orchestrator::config::{self, Policy};
use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::limits::Limits;
use deployment_orchestrator::domain::role::Right;

/// Two different public keys.
const ONE: &str = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const TWO: &str = "ed25519:PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";

fn load(text: &str) -> Result<Policy, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    config::load(Some(&path), "nobody").map(|config| config.policy).map_err(|error| error.to_string())
}

/// Dana and erin with keys, frank without, and a gate before prod that says `rules`.
fn gate(rules: &str) -> String {
    format!(
        r#"
[people.dana]
public_key = "{ONE}"
[people.erin]
public_key = "{TWO}"
roles = ["operator"]
[people.frank]
[groups]
release = ["dana", "frank"]
security = ["erin"]
nobody = []
[[environments]]
name = "prod"
[environments.approval]
{rules}
"#
    )
}

#[test]
fn what_is_wrong_is_said_with_the_place_and_the_remedy() {
    let table = [
        ("usr = \"alex\"".to_owned(), "unknown field `usr`"),
        (
            "[[environments]]\nname = \"prod\"\n[environments.approval]\naprovers = [\"dana\"]".to_owned(),
            "aprovers",
        ),
        ("[[environments]]\nname = \"dev\"\n[[environments]]\nname = \"dev\"".to_owned(), "there twice"),
        ("environments = []".to_owned(), "name at least one"),
        ("[timing]\nsettling = \"5s\"".to_owned(), "at least 45 s"),
        ("[timing]\nfastest_poll = \"soon\"".to_owned(), "write a duration"),
        ("[people.dana]\npublic_key = \"ed25519:no\"".to_owned(), "keygen"),
        ("user = ".to_owned(), "line 1"),
        ("[http]\norigins = [\"*\"]".to_owned(), "a scheme and a host"),
        ("[people.dana]\nroles = [\"king\"]".to_owned(), "king"),
        ("[agent]\nstarts_per_day = 3".to_owned(), "starts_per_day"),
        (
            format!("[people.dana]\npublic_key = \"{ONE}\"\n[people.diana]\npublic_key = \"{ONE}\""),
            "one person has one name",
        ),
        (
            "[people.dana]\nemails = [\"d@x\"]\n[people.erin]\nemails = [\"d@x\"]".to_owned(),
            "both `dana` and `erin`",
        ),
        (gate("approvers = []"), "nobody could ever approve"),
        (gate("approvers = [\"gina\"]"), "[people.gina]"),
        (gate("approvers = [\"group:x\"]"), "no group `x`"),
        (gate("approvers = [\"group:nobody\"]"), "group `nobody` is empty"),
        (gate("approvers = [\"erin\"]"), "do not include \"approver\""),
        (gate("approvers = [\"frank\"]"), "`frank` has no public_key"),
        (gate("approvers = [\"dana\"]\nrequired_approvals = 0"), "from 1 to the 1 approvers"),
        (gate("approvers = [\"dana\"]\nrequired_approvals = 2"), "from 1 to the 1 approvers"),
        (gate("approvers = [\"dana\"]\nrequired_groups = [\"x\"]"), "no group `x`"),
        (
            gate("approvers = [\"dana\"]\nrequired_groups = [\"security\"]"),
            "nobody of the required group `security`",
        ),
        (gate("approvers = [\"dana\"]\naccept = []"), "no decision would ever count"),
        (gate("approvers = [\"dana\"]\naccept = [\"os-user\"]"), "no decision may rest on `os-user`"),
        (gate("approvers = [\"dana\"]\naccept = [\"anything\"]"), "anything"),
        (gate("approvers = [\"dana\"]\nbreak_glass = { people = [\"dana\"] }"), "it takes 2 people"),
        (gate("approvers = [\"dana\"]\nbreak_glass = { people = [\"group:release\"] }"), "and must sign"),
    ];
    for (text, says) in table {
        let said = load(&text).err().unwrap_or_else(|| "nothing".to_owned());
        assert!(said.contains(says), "{text}\n  said: {said}\n  not: {says}");
    }
}

#[test]
fn nothing_weak_is_accepted_unless_it_is_written() {
    let policy = load(&gate("approvers = [\"dana\"]")).unwrap();
    let gate = policy.gates.values().next().unwrap();
    assert_eq!(gate.accept, [Assurance::Signed, Assurance::Web, Assurance::Slack]);
    assert!(!gate.allow_self_approval && gate.break_glass.is_none() && !policy.needs_voucher());
}

#[test]
fn rights_follow_the_roles_and_a_stranger_has_none() {
    let policy = load(&format!(
        "user = \"alex\"\n{}\n[people.gina]\nroles = [\"admin\"]\n[people.vic]\nroles = [\"viewer\"]",
        gate("approvers = [\"dana\"]")
    ))
    .unwrap();
    let rights = |name: &str| {
        let allows = |right| policy.allows(&name.parse().unwrap(), right);
        (allows(Right::Operate), allows(Right::Approve), allows(Right::Administer))
    };
    for (name, expected) in [
        ("alex", (true, false, true)),
        ("dana", (true, true, false)),
        ("erin", (true, false, false)),
        ("gina", (true, false, true)),
        ("vic", (false, false, false)),
        ("mallory", (false, false, false)),
    ] {
        assert_eq!(rights(name), expected, "{name}");
    }
    let named = load("user = \"alex\"\n[people.alex]\nroles = [\"viewer\"]").unwrap();
    assert!(!named.allows(&"alex".parse().unwrap(), Right::Operate), "the user is what the config says");
}

#[test]
fn limits_of_a_persons_agents_replace_what_they_name() {
    let policy = load(
        "[agent]\nread_only = true\nstarts_per_hour = 5\nenvironments = [\"dev\"]\n\
         [people.dana.agent]\nread_only = false\nrollbacks_per_day = 1",
    )
    .unwrap();
    let general = Limits {
        read_only: true,
        environments: Some(["dev".parse().unwrap()].into()),
        starts_per_hour: Some(5),
        rollbacks_per_day: None,
    };
    assert_eq!(policy.limits_of_agents_for(&"nobody".parse().unwrap()), &general);
    let danas = Limits { read_only: false, rollbacks_per_day: Some(1), ..general };
    assert_eq!(policy.limits_of_agents_for(&"dana".parse().unwrap()), &danas);
}
