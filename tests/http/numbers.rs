//! The page of numbers: those of the API, for whoever is signed in.

use std::collections::BTreeSet;
use std::time::Duration;

use deployment_orchestrator::app::metrics::MetricsRequest;
use deployment_orchestrator::clock::Clock as _;
use deployment_orchestrator::domain::metrics::imported::{Ended, ImportedCommit, ImportedDeployment, Kind};
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::token::Holder;
use deployment_orchestrator::harness::simulator::Script;
use deployment_orchestrator::store::Import;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::client::{Era, Mcp};
use crate::world::{APPROVER, USER, World};

const DAY: u64 = 24 * 3_600;

async fn bob(world: &World) -> (Browser, String) {
    let (_, token) = world.token(Holder::Browser { name: APPROVER.parse().unwrap() }, &[], None).await;
    (Browser::signed_in(world, &token).await, token)
}

/// On each of these days before now, something came to production by another tool: a failure among it.
fn import(world: &World, days: &[u64]) {
    let ago = |seconds: u64| world.clock.now().minus(Duration::from_secs(seconds));
    let commit = |day: u64| format!("{day:040x}").parse().unwrap();
    let deployment = |day: &u64| ImportedDeployment {
        service: "checkout".parse().unwrap(),
        repository: "acme/checkout".parse().unwrap(),
        environment: "prod".parse().unwrap(),
        production: true,
        commit: commit(*day),
        kind: if *day == 4 { Kind::Hotfix } else { Kind::Deploy },
        result: if *day == 5 { Ended::Failed } else { Ended::Succeeded },
        started_at: ago(day * DAY + 60),
        finished_at: ago(day * DAY),
    };
    let made = |day: &u64| ImportedCommit {
        repository: "acme/checkout".parse().unwrap(),
        commit: commit(*day),
        committed_at: ago(day * DAY + 3_600 * day),
        deployed_with: None,
    };
    let now: Timestamp = world.clock.now();
    let by = || USER.parse().unwrap();
    let store = &world.app.store;
    store.import(Import::Deployments(days.iter().map(deployment).collect()), by(), now).unwrap();
    store.import(Import::Commits(days.iter().map(made).collect()), by(), now).unwrap();
}

/// The values of all numbers in a piece of a page, in their order.
fn values(piece: &str) -> Vec<String> {
    let after = piece.split("<data value=\"").skip(1);
    after.map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect()
}

/// What stands between two texts, first after `from`.
#[track_caller]
fn between<'a>(page: &'a Page, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.text.split_once(from).unwrap_or_else(|| panic!("no {from} in {page:?}"));
    rest.split_once(to).unwrap().0
}

#[track_caller]
fn card(page: &Page, title: &str) -> Vec<String> {
    values(between(page, &format!("<h4>{title}</h4>"), "</article>"))
}

/// Every number in there that is a duration, or every number at all.
fn leaves(of: &Value, durations: bool, found: &mut BTreeSet<String>) {
    match of {
        Value::Array(all) => all.iter().for_each(|it| leaves(it, durations, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Number(number) if !durations || name.ends_with("_ms") => {
                        found.insert(number.to_string());
                    }
                    other => leaves(other, durations, found),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_numbers_on_the_page_are_those_of_the_api() {
    let world = World::new(Script::instant()).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let (mut bob, _) = bob(&world).await;
    import(&world, &[2, 4, 5, 9, 20, 40]);
    for (commit, verdict) in [("a1b2c3d4e5f6", "approve"), ("b1b2c3d4e5f6", "reject")] {
        let id = agent.start_of(commit, "prod").await;
        agent.until(&id, "attention").await;
        bob.answer(&id, verdict, "seen").await;
        agent.until(&id, "ended").await;
    }

    let api = agent.gives("get_metrics", json!({ "window": "30d", "service": "checkout" })).await;
    let page = bob.open("/numbers?window=30d&service=checkout&environment=").await;
    assert_eq!(page.status, StatusCode::OK);
    let dora = &api["dora"][0];
    let (lead, rate) = (&dora["change_lead_time"], &dora["change_fail_rate"]);
    let said = |of: &[&Value]| of.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        card(&page, "Change lead time"),
        said(&[&lead["median_ms"], &lead["p90_ms"], &lead["by_head_commit"], &lead["unknown"]])
    );
    // Those of 2, 4, 9 and 20 days ago and ours; that of 40 days ago is before the window.
    assert_eq!(card(&page, "Deployment frequency")[0], "5");
    assert_eq!(
        card(&page, "Change fail rate")[..3],
        said(&[&rate["rate"], &rate["failed"], &rate["changes"]])
    );

    let (mut durations, mut all) = (BTreeSet::new(), BTreeSet::new());
    leaves(&json!([api["dora"], api["pipeline"]]), true, &mut durations);
    leaves(&json!([api["dora"], api["pipeline"]]), false, &mut all);
    let charts = page.text.split("<details").collect::<Vec<_>>();
    let shown: BTreeSet<String> =
        charts.iter().map(|it| it.split("</details>").last().unwrap()).flat_map(values).collect();
    assert!(durations.len() > 10 && durations.is_subset(&shown), "{durations:?} are not all in {shown:?}");
    // The page adds up what it is that people were asked, which the API says by answers.
    let more: Vec<&String> = shown.difference(&all).filter(|it| it.as_str() != "2").collect();
    assert!(more.is_empty(), "{more:?} are not in {all:?}");
    page.says("failed: approval rejected").says("requested → first seen").says("not known");

    // What happened is in one of the parts, each as if it were asked for alone.
    let request = || MetricsRequest { window: Some("30d".to_owned()), ..MetricsRequest::default() };
    let course = world.app.metrics_over_time(request()).await.unwrap();
    assert_eq!(course.parts.len(), 30);
    let arrived = course.parts.iter().flat_map(|it| &it.dora).map(|it| it.deployment_frequency.deployments);
    let ended = course.parts.iter().flat_map(|it| &it.pipeline).map(|it| it.deployments);
    assert_eq!((arrived.sum::<u32>(), ended.sum::<u32>()), (5, 2));
    let table = between(&page, "<caption>In production, part by part", "</table>");
    let rows: Vec<&str> = table.split("<tr>").skip(2).collect();
    let arrived: u32 = rows.iter().map(|row| values(row)[0].parse::<u32>().unwrap()).sum();
    assert_eq!((rows.len(), arrived), (30, 5));
}

#[tokio::test]
async fn where_nothing_happened_the_page_says_so_and_shows_no_zero() {
    let world = World::new(Script::instant()).await;
    let (bob, _) = bob(&world).await;
    let nothing = "Nothing ended in the window";
    let page = bob.open("/numbers").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says(nothing).is_silent_about("<data").is_silent_about("role=\"img\"");

    import(&world, &[5]);
    let page = bob.open("/numbers").await;
    page.is_silent_about(nothing).says("checkout in prod").says("not over yet");
    // Nothing arrived: there is a number of that, and none of what follows from it.
    assert_eq!(card(&page, "Change lead time"), [""; 0]);
    assert_eq!(card(&page, "Deployment frequency"), ["0", "0"]);
    for query in ["window=1d", "environment=dev", "window=1h&service=checkout"] {
        bob.open(&format!("/numbers?{query}")).await.says(nothing);
    }
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_refused_and_stays_in_the_form() {
    let world = World::new(Script::instant()).await;
    let (bob, _) = bob(&world).await;
    import(&world, &[2]);
    for (query, says, kept) in [
        ("window=soon", "such as 30d, 2w or 12h", "value=\"soon\""),
        ("window=0d", "such as 30d, 2w or 12h", "value=\"0d\""),
        ("window=-5d", "such as 30d, 2w or 12h", "value=\"-5d\""),
        ("window=999999w", "such as 30d, 2w or 12h", "value=\"999999w\""),
        ("window=7d&service=a%20b", "is not a service", "<option selected>a b</option>"),
        ("environment=PROD&window=7d", "is not an environment name", "<option selected>PROD</option>"),
        ("service=pay", "Nothing is known of a service `pay`", "<option selected>pay</option>"),
        ("environment=moon", "moon", "<option selected>moon</option>"),
        ("windw=7d", "is not a field of this page", "name=\"window\" value=\"\""),
        ("window=7d&window=8d", "is there twice", "value=\"7d\""),
        ("%FF=%FF", "is not a field of this page", "value=\"\""),
    ] {
        let page = bob.open(&format!("/numbers?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
        page.says(says).says(kept).says("role=\"alert\"").says("Correct the form").is_silent_about("<data");
    }
    let picture = "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
    for query in [
        format!("service={picture}"),
        format!("environment={picture}"),
        format!("window={picture}"),
        format!("window={picture}&service={picture}&environment={picture}&{picture}={picture}"),
    ] {
        let page = bob.open(&format!("/numbers?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        page.says("&#60;img src=x").is_silent_about("<img").is_silent_about("\"onerror");
    }
    let long = bob.open(&format!("/numbers?window={}", "9".repeat(4_000))).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
    assert_eq!(bob.post("/numbers", &[]).send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn whoever_is_not_signed_in_sees_nothing_and_comes_back_with_the_filters() {
    let world = World::new(Script::instant()).await;
    import(&world, &[2]);
    let (_, token) = bob(&world).await;
    for (asked, leads_to) in [
        ("/numbers", "/numbers"),
        ("/numbers?service=checkout&window=2w", "/numbers?window=2w&service=checkout"),
        ("/numbers?window=2%20weeks&environment=prod", "/numbers?window=2%20weeks&environment=prod"),
        ("/numbers?window=soon&service=%3Cb%3E&next=//evil.example", "/numbers"),
    ] {
        let mut browser = Browser::new(&world);
        let away = browser.open(asked).await;
        assert_eq!(away.status, StatusCode::SEE_OTHER, "{asked}");
        away.is_silent_about("checkout in");
        let form = browser.open(&away.location).await;
        let next = form.field("next").replace("&#38;", "&");
        assert_eq!(next, leads_to, "{asked}");
        assert_eq!(browser.sign_in(&token, &next).await.location, leads_to, "{asked}");
        assert_eq!(browser.open(leads_to).await.status, StatusCode::OK);
        assert_eq!(browser.open(&away.location).await.location, leads_to, "who is signed in goes on at once");
    }
}
