//! What the config file may say, and what it may not: a gate that is not what its
//! author meant must be an error at start, and never an open door.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's own work")]

mod channels;
mod freezes;
mod paths;
mod sign_in;
mod slack;

use deployment_orchestrator::config::{self, Policy};
use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::limits::Limits;
use deployment_orchestrator::domain::role::Right;
use deployment_orchestrator::jira::{Moves, Site};

/// Two different public keys.
const ONE: &str = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const TWO: &str = "ed25519:PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";

fn load(text: &str) -> Result<Policy, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    config::load(Some(&path), "nobody").map(|config| config.policy).map_err(|error| error.to_string())
}

/// Every one of these configs is refused, and the refusal says this.
#[track_caller]
fn assert_refused<'a>(table: impl IntoIterator<Item = (String, &'a str)>) {
    for (text, says) in table {
        let said = load(&text).err().unwrap_or_else(|| "nothing".to_owned());
        assert!(said.contains(says), "{text}\n  said: {said}\n  not: {says}");
    }
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

/// An authorization server that publishes its keys on this machine, and is as `rules` say.
fn oauth(rules: &str) -> String {
    format!("[http.oauth]\njwks_url = \"http://127.0.0.1:8080/keys\"\n{rules}")
}

/// A Jira that says `more`.
fn jira(more: &str) -> String {
    format!("[jira]\nbase_url = \"https://acme.atlassian.net\"\nemail = \"bot@acme.example\"\n{more}")
}

/// A prod that says `more`.
fn prod(more: &str) -> String {
    format!("[[environments]]\nname = \"prod\"\n{more}")
}

/// A prod whose health check says `rules`.
fn health(rules: &str) -> String {
    prod(&format!("[environments.health]\n{rules}"))
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
        ("[[environments]]\nname = \"dev\"\nrollback = \"undo\"".to_owned(), "`rollback` is \"redeploy\""),
        (
            "[[environments]]\nname = \"dev\"\nrollback = { harness = { service = \"a-b\" } }".to_owned(),
            "`rollback` is \"redeploy\"",
        ),
        (
            "[[environments]]\nname = \"dev\"\nrollback = { pipeline = \"back\", timeout = \"1s\" }"
                .to_owned(),
            "environment `dev`: rollback: `timeout` must be at least 60 s",
        ),
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
        (
            "[people.dana]\noauth_subject = \"x\"\n[people.erin]\noauth_subject = \"x\"".to_owned(),
            "the oauth_subject of both `dana` and `erin`",
        ),
        ("[people.dana]\noauth_subject = \" \"".to_owned(), "the oauth_subject of `dana` is empty"),
        (oauth("issuer = \"http://id.acme.example\""), "`issuer` under [http.oauth] is not safe"),
        (oauth("issuer = \"https://dana@id.acme.example\""), "`issuer` under [http.oauth] is not safe"),
        (oauth("issuer = \"https://id.acme.example/?tenant=1\""), "`issuer` under [http.oauth] is not safe"),
        (
            "[http.oauth]\nissuer = \"https://a\"\njwks_url = \"http://127.0.0.2/keys\"".to_owned(),
            "`jwks_url`",
        ),
        ("[http.oauth]\nissuer = \"https://a\"\njwks_url = \"https://a/?p=1#x y\"".to_owned(), "`jwks_url`"),
        ("[http.oauth]\nissuer = \"https://a\"".to_owned(), "missing field `jwks_url`"),
        (oauth("issuer = \"https://a\"\nsecret = \"x\""), "unknown field `secret`"),
        (oauth("issuer = \"https://a\"\nscopes = {}"), "no token would grant anything"),
        (
            oauth("issuer = \"https://a\"\nscopes = { \"a b\" = \"viewer\" }"),
            "`a b` under [http.oauth] is no scope",
        ),
        (oauth("issuer = \"https://a\"\nscopes = { x = \"king\" }"), "king"),
        (oauth("issuer = \"https://a\"\naudience = \"\""), "not blank"),
        (gate("approvers = [\"dana\"]\naccept = [\"oauth\"]"), "no decision may rest on `oauth`"),
        (
            prod("variables = { tag = \"${deployment.sha}\" }"),
            "variable `tag`: `${deployment.sha}` is not a placeholder",
        ),
        (prod("variables = { tag = \"${deployment.sha}\" }"), "${deployment.commit_sha}"),
        (prod("input_sets = [\"eu_${\"]"), "write $${ where ${ itself is meant"),
        (
            prod("variables = { a = \"<+secrets.getValue('${deployment.branch}')>\" }"),
            "beside an expression of Harness",
        ),
        (
            "[pipelines.build]\npipeline = \"b\"\nvariables = { env = \"${environment.name}\" }".to_owned(),
            "pipelines.build: ${environment.name} stands for nothing here",
        ),
        (prod("timeout = \"5s\""), "environment `prod`: `timeout` must be at least 60 s"),
        (
            "[pipelines.test]\npipeline = \"t\"\ntimeout = \"long\"".to_owned(),
            "pipelines.test: `timeout` is `long`",
        ),
        (health("url = \"checkout.acme.example\""), "begins with https:// or http://"),
        (health("url = \"https:///healthz\""), "write a host"),
        (health("url = \"https://ops:hush@acme.example/\""), "without user and password"),
        (health("url = \"https://acme.example/a b\""), "percent-encoded"),
        (health("url = \"https://acme.example/#${deployment.branch}\""), "percent-encoded"),
        (health("url = \"https://${deployment.service}/healthz\""), "choose whom the server asks"),
        (health("url = \"https://${deployment.branch}:8080/\""), "choose whom the server asks"),
        (health("url = \"https://${deployment.service}acme.example/\""), "choose whom the server asks"),
        (health("url = \"https://acme.example/${service}\""), "`${service}` is not a placeholder"),
        (health("url = \"https://acme.example/\"\nbody = \"ok\""), "unknown field `body`"),
        (health("url = \"https://acme.example/\"\nstatus = 42"), "from 200 to 599"),
        (health("url = \"https://acme.example/\"\nsuccesses = 0"), "at least 1"),
        (health("url = \"https://acme.example/\"\nsuccesses = 30"), "fit into `timeout`"),
        (health("url = \"https://acme.example/\"\ninterval = \"10ms\""), "shorter than 1s"),
        (health("url = \"https://acme.example/\"\ntimeout = \"24h\""), "more than 1000 questions"),
        (
            health("url = \"https://acme.example/\"\ntimeout = \"soon\""),
            "environment `prod`: health: `timeout` is `soon`",
        ),
        (prod("version = { url = \"http://${deployment.service}/\" }"), "version: `url` is"),
        (prod("version = { url = \"http://acme.example/\", json_pointer = \"commit\" }"), "begins with `/`"),
        ("[validation]\nlevels = { typo = \"error\" }".to_owned(), "typo"),
        ("[validation]\nlevels = { input-unknown = \"fatal\" }".to_owned(), "fatal"),
        ("[validation]\nmanifests_root = \"checkouts\"".to_owned(), "write the whole path"),
        ("[validation]\nimage_registries = [\"https://ghcr.io\"]".to_owned(), "write a host"),
        (
            "[jira]\nbase_url = \"http://jira.acme.example\"\nemail = \"a@b\"".to_owned(),
            "`base_url` under [jira] is not safe to send a token to",
        ),
        ("[jira]\nbase_url = \"https://dana:hush@acme.example\"\nemail = \"a@b\"".to_owned(), "not safe"),
        ("[jira]\nbase_url = \"https://acme.atlassian.net\"".to_owned(), "`email` under [jira]"),
        ("[jira]\nbase_url = \"https://a\"\nemail = \"a:b@c\"".to_owned(), "`email` under [jira]"),
        (jira("kind = \"data-center\""), "a data-center takes the personal access token alone"),
        (jira("kind = \"server\""), "server"),
        (jira("token = \"hush\""), "unknown field `token`"),
        (jira("projects = [\"shop\"]"), "`shop` is not a Jira project key"),
        (jira("on_completed = \" \""), "`on_completed` under [jira] is empty"),
        (jira("environments = [\"qa\"]"), "names `qa`, and there is no such environment"),
        (
            format!("{}\n[[environments]]\nname = \"dev\"", jira("on_completed = \"Done\"")),
            "no deployment would move an issue",
        ),
        (
            format!("{}\n[channels.jira]\nslack = {{ channel = \"C1\" }}", jira("")),
            "give that channel another name",
        ),
        (gate("approvers = []"), "nobody could ever approve"),
        (gate("approvers = [\"gina\"]"), "[people.gina]"),
        (gate("approvers = [\"group:x\"]"), "no group `x`"),
        (gate("approvers = [\"group:nobody\"]"), "group `nobody` is empty"),
        (gate("approvers = [\"erin\"]"), "do not include \"approver\""),
        (gate("approvers = [\"frank\"]\naccept = [\"signed\"]"), "`frank` has no public_key"),
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
    assert_refused(table);
}

#[test]
fn jira_is_told_of_what_its_projects_name_and_moves_issues_for_production() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        config::load(Some(&path), "nobody").unwrap()
    };
    let cloud = read(&jira("projects = [\"SHOP\"]\non_completed = \"Done \""));
    let section = cloud.jira.unwrap();
    assert_eq!(section.site, Site::Cloud { email: "bot@acme.example".to_owned() });
    let moves = Moves {
        on_completed: Some("Done".to_owned()),
        on_rolled_back: None,
        environments: ["prod".parse().unwrap()].into(),
    };
    assert_eq!(section.moves, moves);
    assert_eq!(cloud.policy.jira_projects, ["SHOP".parse().unwrap()].into());
    assert_eq!(cloud.policy.routing.tracker, Some("jira".parse().unwrap()));

    let own = read(
        "[jira]\nkind = \"data-center\"\nbase_url = \"http://127.0.0.1:8080/jira\"\nenvironments = [\"dev\"]",
    );
    let section = own.jira.unwrap();
    assert_eq!(
        (section.site, section.moves.environments),
        (Site::DataCenter, ["dev".parse().unwrap()].into())
    );
    assert_eq!(read("").policy.routing.tracker, None);
}

#[test]
fn nothing_weak_is_accepted_unless_it_is_written() {
    let policy = load(&gate("approvers = [\"dana\"]")).unwrap();
    let gate = policy.gates.values().next().unwrap();
    assert_eq!(gate.accept, [Assurance::Signed, Assurance::Web, Assurance::Slack]);
    assert!(!gate.allow_self_approval && gate.break_glass.is_none());
    assert!(gate.accept.iter().all(|it| it.is_out_of_reach_of_agents()));
}

#[test]
fn a_health_check_has_usual_numbers_and_an_address_below_a_domain_of_the_operators() {
    for url in [
        "https://${deployment.service}.prod.acme.example:8443/${deployment.branch}?v=${deployment.commit_sha}",
        "http://[::1]:8080/healthz",
        "http://localhost",
    ] {
        let policy = load(&health(&format!("url = \"{url}\""))).unwrap();
        let check = policy.workflow.environments[0].health.as_ref().unwrap();
        assert_eq!(check.url, url.parse().unwrap());
        assert_eq!(
            (check.status, check.successes, check.interval_ms, check.timeout_ms),
            (200, 3, 5_000, 120_000)
        );
    }
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

#[test]
fn an_environment_says_how_its_version_before_comes_back() {
    let way = |rollback: &str| {
        let text = format!("[[environments]]\nname = \"dev\"\n{rollback}");
        let policy = load(&text).unwrap();
        serde_json::to_value(&policy.workflow.environments[0]).unwrap().get("rollback").cloned()
    };
    assert_eq!(way(""), None, "what was stored before there were ways stays the same text");
    assert_eq!(way("rollback = \"redeploy\""), None);
    assert_eq!(
        way(
            "rollback = { pipeline = \"back\", variables = { drain = \"fast\", at = \"${environment.name}\" }, timeout = \"1h\" }"
        ),
        Some(serde_json::json!({
            "way": "pipeline", "pipeline": "back", "timeout_ms": 3_600_000,
            "variables": { "drain": "fast", "at": { "template": "${environment.name}" } },
        }))
    );
    let target = serde_json::json!({
        "way": "harness", "service": "checkout", "environment": "prod",
        "environment_type": "Production", "infrastructure": "org.k8s_prod",
    });
    assert_eq!(
        way(
            "rollback = { harness = { service = \"checkout\", environment = \"prod\", environment_type = \"Production\", infrastructure = \"org.k8s_prod\" } }"
        ),
        Some(target)
    );
}

#[test]
fn an_agent_does_not_run_the_rollback_pipeline_of_a_gated_environment() {
    let listed = "[agent]\ntriggerable_pipelines = [\"back_prod\", \"back_dev\"]\n";
    let environments = "[[environments]]\nname = \"dev\"\nrollback = { pipeline = \"back_dev\" }\n[[environments]]\nname = \"prod\"\nrollback = { pipeline = \"back_prod\" }";
    let policy = load(&format!("{listed}{environments}")).unwrap();
    assert!(policy.agent_may_trigger(&"back_dev".parse().unwrap()));
    assert!(!policy.agent_may_trigger(&"back_prod".parse().unwrap()));
}

#[test]
fn working_hours_are_said_or_nobody_knows_them() {
    let hours = |cron: &str, lasts: &str, zone: &str| {
        load(&format!(
            "[metrics]\nworking_hours = {{ cron = \"{cron}\", duration = \"{lasts}\", time_zone = \"{zone}\" }}"
        ))
    };
    assert!(load("").unwrap().working_hours.is_none());
    assert!(hours("0 9 * * MON-FRI", "8h", "Europe/Berlin").unwrap().working_hours.is_some());
    for (wrong, says) in [
        (hours("9 to 5", "8h", "Europe/Berlin"), "9 to 5"),
        (hours("0 9 * * MON-FRI", "0h", "Europe/Berlin"), "`duration` is `0h`"),
        (hours("0 9 * * MON-FRI", "8h", "Berlin"), "there is no time zone `Berlin`"),
        (hours("0 9 * * MON-FRI", "30h", "Europe/Berlin"), "working_hours"),
        (load("[metrics]\nworking_hours = \"9 to 5\""), "a table with `cron`"),
    ] {
        let said = wrong.unwrap_err();
        assert!(said.contains(says), "{said}");
    }
}
