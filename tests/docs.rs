//! What the pages show is accepted by the code that they are about.

use deployment_orchestrator::app::Code;
use deployment_orchestrator::config::{self, Config};
use deployment_orchestrator::domain::finding::{FindingCode, Level};
use deployment_orchestrator::harness::simulator::Script;

/// The first TOML block of a page.
fn toml_of(page: &str) -> &str {
    page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a TOML block")
}

#[test]
fn the_config_page_shows_a_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, toml_of(include_str!("../docs/config.md"))).unwrap();
    let Config { policy, harness, http, jira, .. } = config::load(Some(&path), "nobody").unwrap();
    assert_eq!(policy.user.as_str(), "alex");
    assert_eq!(harness.project.as_deref(), Some("shop"));
    assert!(http.public_url.is_some_and(|it| it.secure) && http.origins.len() == 1);
    let oauth = http.oauth.expect("an authorization server");
    assert_eq!((oauth.claim.as_str(), oauth.scopes.len()), ("sub", 2));
    let dana = policy.person_with_subject("auth0|5f7c8ec7c33c6c004bbafe82");
    assert_eq!(dana.map(|it| it.as_str()), Some("dana"));
    let sign_in = http.sign_in.expect("an OpenID provider");
    assert_eq!(
        (sign_in.expected.person.as_str(), sign_in.scopes.as_slice()),
        ("sub", &["openid".to_owned()][..])
    );
    let dana = policy.person_with_openid_subject("auth0|5f7c8ec7c33c6c004bbafe82");
    assert_eq!(dana.map(|it| it.as_str()), Some("dana"));
    let dana = policy.person_in_slack("T0123ABCD", "U012AB3CD");
    assert_eq!(dana.map(|it| it.as_str()), Some("dana"));
    let jira = jira.expect("a Jira");
    assert_eq!((jira.projects.len(), jira.moves.on_completed.as_deref()), (2, Some("Done")));
    let names: Vec<&str> = policy.workflow.environments.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["dev", "staging", "prod"]);
    let gate = policy.gates.values().next().expect("prod has a gate");
    assert_eq!(gate.approvers[0].name.as_str(), "dana");
    let freezes: Vec<&str> = policy.freezes.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(freezes, ["weekend", "books", "holidays", "office-hours"]);
    assert!(policy.agent_may_trigger(&"smoke_test".parse().unwrap()));
    assert!(!policy.agent_may_trigger(&"deploy_prod".parse().unwrap()));
    assert!(policy.validation.manifests_root.is_some());
    assert_eq!(policy.validation.manifests.image_registries, Some(vec!["ghcr.io/acme".to_owned()]));
    assert_eq!(policy.validation.levels[&FindingCode::VariableUnused], Level::Off);
}

#[test]
fn the_simulator_page_shows_a_script() {
    let script = Script::from_toml(toml_of(include_str!("../docs/simulator.md"))).unwrap();
    assert_eq!(script.faults.len(), 2);
}

#[test]
fn every_code_is_documented_and_no_other() {
    let page = include_str!("../docs/errors.md");
    let documented: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes, "the headings of docs/errors.md, in the order of Code::ALL");
    for code in &codes {
        let section = page.split(&format!("### {code}\n")).nth(1).unwrap().split("\n### ").next().unwrap();
        assert!(section.contains("**Agent:**"), "{code}: what does an agent do?");
        assert!(section.contains("**Operator:**"), "{code}: what does an operator do?");
    }
}

#[test]
fn every_finding_is_documented_with_its_level_and_no_other() {
    let page = include_str!("../docs/validation.md");
    let documented: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: Vec<&str> = FindingCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes, "the headings of docs/validation.md, in the order of FindingCode::ALL");
    for code in FindingCode::ALL {
        let section = page.split(&format!("### {}\n", code.as_str())).nth(1).unwrap();
        let level = match code.level() {
            Level::Error => "**Error.** ",
            Level::Warning => "**Warning.** ",
            Level::Off => "**Off.** ",
        };
        assert!(section.starts_with(level), "{}: {level}", code.as_str());
    }
}

/// What promtool holds the alerts to is complete: of each, a case in which it fires, one in which it
/// does not, and words for whoever is woken by it.
#[test]
fn each_alert_says_what_to_do_and_is_tried_both_ways() {
    let rules = include_str!("../docs/prometheus-rules.yml");
    let cases = include_str!("alerts/rules.test.yml");
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["severity: ", "summary: \"", "description: >-"] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
        // A case ends where the next one begins.
        let of_it = cases
            .split("- { expr:")
            .flat_map(|it| it.split("- expr:"))
            .flat_map(|it| it.split("- alertname:"));
        let of_it: Vec<&str> = of_it
            .filter(|it| {
                it.contains(&format!("alertname=\"{name}\"")) || it.starts_with(&format!(" {name}\n"))
            })
            .collect();
        assert!(of_it.iter().any(|it| it.contains("exp_samples: []")), "{name} never stays silent");
        let fires = |it: &&str| it.contains("value: 1 }]") || it.contains("exp_annotations:");
        assert!(of_it.iter().any(fires), "{name} never fires");
    }
}
