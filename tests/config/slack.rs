//! Who people are in Slack, and which gates they open from there.

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::id::PrincipalName;
use deployment_orchestrator::domain::signature::PrivateKey;

use super::{ONE, assert_refused, load};

/// Dana with a key, frank and gina without; `people` says more, `rules` who opens prod.
fn slack(people: &str, rules: &str) -> String {
    format!(
        "[people.dana]\npublic_key = \"{ONE}\"\n{people}\n\
         [[environments]]\nname = \"dev\"\n\
         [[environments]]\nname = \"prod\"\n[environments.approval]\n{rules}\n"
    )
}

/// Frank and gina, as Slack knows them.
fn frank_and_gina(frank: &str, gina: &str) -> String {
    format!("[people.frank]\nslack_user = \"{frank}\"\n[people.gina]\nslack_user = \"{gina}\"")
}

#[test]
fn somebody_in_slack_is_one_person() {
    let open = "approvers = [\"dana\"]";
    let both = "is the slack_user of both `frank` and `gina`";
    assert_refused([
        (slack(&frank_and_gina("U1", "U1"), open), both),
        (slack(&frank_and_gina("T1/U1", "U1"), open), both),
        (slack(&frank_and_gina("U1", "T1/U1"), open), both),
        (slack(&frank_and_gina("T1/U1", "T1/U1"), open), both),
        (slack(&frank_and_gina("gina", "U2"), open), "a Slack user"),
        (slack(&frank_and_gina("@U1", "U2"), open), "a Slack user"),
        (slack(&frank_and_gina("U1/T1", "U2"), open), "a Slack user"),
        (slack(&frank_and_gina("", "U2"), open), "a Slack user"),
        (slack(&frank_and_gina("C012345", "U2"), open), "a Slack user"),
    ]);
    let policy = load(&slack(&frank_and_gina("T1/U1", "T2/U1"), open)).unwrap();
    let person = |team, user| policy.person_in_slack(team, user).map(PrincipalName::as_str);
    assert_eq!(
        (person("T1", "U1"), person("T2", "U1"), person("T3", "U1")),
        (Some("frank"), Some("gina"), None)
    );
    let policy = load(&slack(&frank_and_gina("U1", "W2"), open)).unwrap();
    let person = |team, user| policy.person_in_slack(team, user).map(PrincipalName::as_str);
    assert_eq!(
        (person("T9", "U1"), person("", "W2"), person("T1", "U3")),
        (Some("frank"), Some("gina"), None)
    );
    assert_eq!((person("T1", ""), person("T1", "T1/U1")), (None, None));
}

#[test]
fn whoever_is_known_in_slack_needs_no_key_where_that_is_accepted() {
    let people = frank_and_gina("U1", "U2");
    let silent = "`frank` has no public_key";
    assert_refused([
        (slack("[people.frank]", "approvers = [\"frank\"]\naccept = [\"signed\", \"slack\"]"), silent),
        (slack(&people, "approvers = [\"frank\"]\naccept = [\"signed\"]"), silent),
        (
            slack(&people, "approvers = [\"frank\"]\nbreak_glass = { people = [\"frank\", \"gina\"] }"),
            "has no public_key, and must sign",
        ),
    ]);
    let demanding = format!(
        "{}[paths.hotfix]\nskip = [\"dev\"]\napproval = {{ required_approvals = 2 }}",
        slack(&people, "approvers = [\"frank\", \"gina\"]\naccept = [\"signed\", \"slack\"]")
    );
    load(&demanding).unwrap();
    let unmet = demanding.replace("slack_user = \"U2\"", "public_key = \"ed25519:no\"");
    assert!(load(&unmet).is_err());
}

#[test]
fn the_server_vouches_for_what_it_sees_and_leaves_other_gates_as_they_are() {
    let server = PrivateKey::from_seed(&[7; 32]).public();
    for (people, accept, in_slack, vouched) in [
        ("slack_user = \"U1\"", "\"signed\", \"slack\"", true, true),
        ("slack_user = \"U1\"", "\"signed\", \"web\"", false, true),
        ("slack_user = \"U1\"", "\"signed\"", false, false),
        ("", "\"signed\", \"slack\"", false, false),
        // Frank is known in Slack, and may not approve.
        ("[people.frank]\nslack_user = \"U2\"", "\"signed\", \"slack\"", false, false),
    ] {
        let rules = format!("approvers = [\"dana\"]\naccept = [{accept}]");
        let mut policy = load(&slack(people, &rules)).unwrap();
        let before = policy.gates.values().next().unwrap().clone();
        assert_eq!(policy.ways_to_decide(&before).contains(&Assurance::Slack), in_slack, "{people} {accept}");
        // On pages it sees something only if it serves some.
        assert_eq!(policy.needs_voucher(), in_slack, "{people} {accept}");
        policy.let_vouch(&server);
        let after = policy.gates.values().next().unwrap();
        assert_eq!(after.version() != before.version(), vouched, "{people} {accept}");
    }
}
