//! What the config file may say, and what it may not: a gate that is not what its
//! author meant must be an error at start, and never an open door.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's own work")]

use std::collections::BTreeSet;

use deployment_orchestrator::config::{self, Policy};
use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::freeze::{FreezeKind, FreezeState, state_at};
use deployment_orchestrator::domain::limits::Limits;
use deployment_orchestrator::domain::role::Right;
use deployment_orchestrator::domain::time::Timestamp;

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

/// An authorization server that publishes its keys on this machine, and is as `rules` say.
fn oauth(rules: &str) -> String {
    format!("[http.oauth]\njwks_url = \"http://127.0.0.1:8080/keys\"\n{rules}")
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
        ("[validation]\nlevels = { typo = \"error\" }".to_owned(), "typo"),
        ("[validation]\nlevels = { input-unknown = \"fatal\" }".to_owned(), "fatal"),
        ("[validation]\nmanifests_root = \"checkouts\"".to_owned(), "write the whole path"),
        ("[validation]\nimage_registries = [\"https://ghcr.io\"]".to_owned(), "write a host"),
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

/// Dana and vic, and dev and a gated prod, with one freeze that says `lines`.
fn freeze(lines: &str) -> String {
    format!(
        r#"
[people.dana]
public_key = "{ONE}"
[people.vic]
roles = ["viewer"]
[groups]
release = ["dana"]
nobody = []
[[environments]]
name = "dev"
[[environments]]
name = "prod"
[environments.approval]
approvers = ["dana"]
[[freezes]]
name = "weekend"
reason = "nobody is there to help"
{lines}
"#
    )
}

#[test]
fn a_freeze_is_what_its_lines_say() {
    let weekly = "cron = \"0 18 * * FRI\"\nduration = \"62h\"\ntime_zone = \"Europe/Berlin\"";
    let policy = load(&freeze(&format!("{weekly}\noverride = [\"group:release\"]"))).unwrap();
    let [weekend] = policy.freezes.as_slice() else { panic!("{:?}", policy.freezes) };
    assert_eq!((weekend.name.as_str(), weekend.kind), ("weekend", FreezeKind::Freeze));
    assert_eq!(weekend.reason, "nobody is there to help");
    assert_eq!(weekend.environments, ["prod".parse().unwrap()].into(), "what has a gate");
    assert_eq!(weekend.overridable_by, ["dana".parse().unwrap()].into());
    // All of these are on from 18:00 in Berlin on 18 December, and dev is covered where it is named.
    let starts = [
        weekly.to_owned(),
        "rrule = \"FREQ=WEEKLY\"\nstarts = \"2026-01-02T18:00[Europe/Berlin]\"\nduration = \"62h\"".to_owned(),
        "rrule = \"FREQ=WEEKLY\"\nstarts = 2026-01-02T18:00:00\nduration = \"62h\"\ntime_zone = \"Europe/Berlin\""
            .to_owned(),
        "from = \"2026-12-18T18:00\"\nto = 2026-12-19\ntime_zone = \"Europe/Berlin\"".to_owned(),
        "from = 2026-12-18T18:00:00+01:00\nto = \"2026-12-19T00:00[UTC]\"".to_owned(),
    ];
    let on = "2026-12-18T17:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    for lines in starts {
        let policy = load(&freeze(&format!("{lines}\nenvironments = [\"dev\"]"))).unwrap();
        for (name, at, expected) in [("dev", on, true), ("dev", on - 1, false), ("prod", on, false)] {
            let state = state_at(&policy.freezes, &name.parse().unwrap(), Timestamp(at));
            assert_eq!(matches!(state, FreezeState::Frozen { .. }), expected, "{lines}: {name} at {at}");
        }
    }
}

#[test]
fn a_freeze_that_cannot_be_meant_is_refused() {
    let cron = |pattern: &str, lasts: &str| {
        format!("cron = \"{pattern}\"\nduration = \"{lasts}\"\ntime_zone = \"Europe/Berlin\"")
    };
    let rule = |rule: &str| {
        format!(
            "rrule = \"{rule}\"\nstarts = 2026-01-02T18:00:00\nduration = \"8h\"\ntime_zone = \"Europe/Berlin\""
        )
    };
    let good = cron("0 18 * * FRI", "62h");
    let between = |from: &str, to: &str| format!("from = {from}\nto = {to}\ntime_zone = \"Europe/Berlin\"");
    let table = [
        "".to_owned(),
        "rrule = \"FREQ=DAILY\"\nduration = \"1h\"\ntime_zone = \"UTC\"".to_owned(),
        format!("{good}\nfrom = 2026-12-18"),
        "cron = \"0 18 * * FRI\"\nduration = \"62h\"".to_owned(),
        "cron = \"0 18 * * FRI\"\ntime_zone = \"UTC\"".to_owned(),
        "cron = \"0 18 * * FRI\"\nduration = \"62h\"\ntime_zone = \"Berlin\"".to_owned(),
        "rrule = \"FREQ=DAILY\"\nstarts = 2026-01-02T18:00:00\nduration = \"8h\"".to_owned(),
        "rrule = \"FREQ=DAILY\"\nstarts = 2026-01-02T18:00:00+01:00\nduration = \"8h\"\ntime_zone = \"UTC\""
            .to_owned(),
        "rrule = \"FREQ=DAILY\"\nstarts = \"2026-01-02T18:00[UTC]\"\nduration = \"8h\"\ntime_zone = \"UTC\""
            .to_owned(),
        cron("0 18 * * FRI", "soon"),
        cron("0 18 * * FRI", "0h"),
        cron("0 18 * * FRI", "169h"),
        cron("0 18 * * MON,TUE", "25h"),
        cron("0 18 30 2 *", "8h"),
        cron("0 18 * * FRY", "8h"),
        cron("0 0 18 * * FRI", "8h"),
        rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
        rule("FREQ=YEARLY;UNTIL=20251231T230000Z"),
        rule("FREQ=YEARLY;UNTIL=20261231T230000"),
        rule("FREQ=YEARLY;UNTIL=20261231T230000Z;COUNT=3"),
        rule("FREQ=YEARLY;COUNT=0"),
        rule("FREQ=DAILY;INTERVAL=0"),
        rule("FREQ=HOURLY"),
        rule("FREQ=WEEKLY;BYDAY=1MO"),
        rule("FREQ=MONTHLY;BYDAI=MO"),
        rule("FREQ=MONTHLY;BYMONTHDAY=32"),
        rule("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,10,20,30,40,50"),
        rule("every friday"),
        between("2026-12-18T18:00:00", "2026-12-18T18:00:00"),
        between("\"next friday\"", "2026-12-18"),
        between("2026-03-29T02:30:00", "2026-12-18"),
        between("2026-03-29", "2026-10-25T02:30:00"),
        between("\"2026-03-29[Berlin]\"", "2026-10-25"),
        between("\"2026-03-29T00:00+01:00[Europe/Berlin]\"", "2026-10-25"),
        "from = 2026-12-18\nto = 2026-12-19".to_owned(),
        "from = 2026-12-18\nto = 2026-12-19\nduration = \"1h\"\ntime_zone = \"UTC\"".to_owned(),
        "from = 6\nto = 2026-12-19".to_owned(),
        format!("{good}\nenvironments = [\"production\"]"),
        format!("{good}\nenvironments = []"),
        format!("{good}\noverride = [\"gina\"]"),
        format!("{good}\noverride = [\"group:x\"]"),
        format!("{good}\noverride = [\"group:nobody\"]"),
        format!("{good}\noverride = [\"vic\"]"),
        format!("{good}\nkind = \"frozen\""),
        format!("{good}\nwhen = \"always\""),
        format!("{good}\n[[freezes]]\nname = \"weekend\"\nreason = \"again\"\n{good}"),
        format!("{good}\n[[freezes]]\nname = \"week end\"\nreason = \"again\"\n{good}"),
        format!("{good}\n[[freezes]]\nname = \"other\"\nreason = \" \"\n{good}"),
        format!("{good}\n[[freezes]]\nname = \"other\"\n{good}"),
    ];
    let mut sentences = Vec::new();
    for lines in table {
        let said = load(&freeze(&lines)).err().unwrap_or_else(|| "nothing".to_owned());
        let (_, said) = said.split_once(" is wrong: ").unwrap_or(("", &said));
        sentences.push(format!("{lines}\n  => {said}"));
    }
    insta::assert_snapshot!("freezes", sentences.join("\n\n"));
}

#[test]
fn a_freeze_of_what_has_no_gate_must_name_it() {
    let text = "[[environments]]\nname = \"dev\"\n[[freezes]]\nname = \"it\"\nreason = \"so\"\n\
                from = 2026-12-18T00:00:00Z\nto = 2026-12-19T00:00:00Z";
    let said = load(text).unwrap_err();
    assert!(said.contains("covers no environment; name some"), "{said}");
    let many: String = (0..101)
        .map(|number| {
            format!(
                "[[freezes]]\nname = \"{number}\"\nreason = \"so\"\nfrom = 2026-12-18T00:00:00Z\nto = 2026-12-19T00:00:00Z\n"
            )
        })
        .collect();
    let said = load(&many).unwrap_err();
    assert!(said.contains("there are 101 freezes"), "{said}");
}

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
fn a_path_asks_for_more_and_never_for_less() {
    let two = "approval = { required_approvals = 2 }";
    for (path, says) in [
        (format!("skip = []\n{two}"), "the ordinary way leaves nothing out"),
        ("skip = [\"dev\"]".to_owned(), "approval"),
        (format!("skip = [\"dev\"]\n{two}\nmay_begin = []"), "may_begin"),
        (format!("skip = [\"validating\"]\n{two}"), "`validating` is never skipped"),
        (format!("skip = [\"building\"]\n{two}"), "`building` is never skipped"),
        (format!("skip = [\"deploying-dev\"]\n{two}"), "write testing or one of dev, qa, staging, prod"),
        (format!("skip = [\"prod\"]\n{two}"), "`prod` is where deployments end"),
        (format!("skip = [\"qa\"]\n{two}"), "qa has an approval, and no approval is skipped"),
        (format!("skip = [\"dev\"]\n{two}\nmay_start = []"), "nobody could take it"),
        (format!("skip = [\"dev\"]\n{two}\nmay_start = [\"gina\"]"), "[people.gina]"),
        (format!("skip = [\"dev\"]\n{two}\nmay_start = [\"group:others\"]"), "do not include \"operator\""),
        ("skip = [\"dev\"]\napproval = {}".to_owned(), "it asks no more than the ordinary way"),
        (
            "skip = [\"dev\"]\napproval = { required_approvals = 1 }".to_owned(),
            "it asks no more than the ordinary way",
        ),
        ("skip = [\"dev\"]\napproval = { required_approvals = 0 }".to_owned(), "the environment asks for 1"),
        ("skip = [\"dev\"]\napproval = { required_approvals = 3 }".to_owned(), "only 2 could"),
        ("skip = [\"dev\"]\napproval = { required_groups = [\"x\"] }".to_owned(), "no group `x`"),
        (
            "skip = [\"dev\"]\napproval = { required_groups = [\"others\"] }".to_owned(),
            "nobody of the required group `others`",
        ),
        (
            "skip = [\"dev\"]\napproval = { required_approvals = 2, allow_self_approval = true }".to_owned(),
            "`allow_self_approval` may only be false",
        ),
        (
            "skip = [\"dev\"]\napproval = { required_approvals = 2, expires_after = \"3h\" }".to_owned(),
            "before qa: `expires_after` is longer",
        ),
        (
            "skip = [\"dev\"]\napproval = { required_approvals = 2, accept = [\"signed\", \"web\"] }"
                .to_owned(),
            "before prod: `accept` has `web`",
        ),
        (
            "skip = [\"dev\"]\napproval = { required_approvals = 2, accept = [] }".to_owned(),
            "no decision would ever count",
        ),
    ] {
        let said = load(&on_a_path(&path)).err().unwrap_or_else(|| "nothing".to_owned());
        assert!(said.contains(says), "{path}\n  said: {said}\n  not: {says}");
    }
    let misnamed = on_a_path(&format!("skip = [\"dev\"]\n{two}")).replace("[paths.hotfix]", "[paths.Hotfix]");
    assert!(load(&misnamed).unwrap_err().contains("a name of a path"));
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
