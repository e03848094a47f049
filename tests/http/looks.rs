//! That somebody opened a request: said by the page that is on their screen, and by nothing else.

use deployment_orchestrator::domain::role::Role;
use deployment_orchestrator::domain::token::Holder;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::{Era, Mcp};
use crate::world::{APPROVER, FRIEND, World, agent};

async fn browser(world: &World, name: &str, roles: &[Role]) -> Browser {
    let holder = Holder::Browser { name: name.parse().unwrap() };
    let (_, token) = world.token(holder, roles, None).await;
    Browser::signed_in(world, &token).await
}

async fn looks(operator: &Mcp, id: &str) -> Vec<Value> {
    let history = operator.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let events = history["events"].as_array().unwrap().iter();
    events.filter(|it| it["event"] == "REQUEST_SEEN").cloned().collect()
}

#[tokio::test]
async fn a_page_on_the_screen_of_somebody_who_is_asked_is_noted_once() {
    let world = World::closed("[people.olaf]\nroles = [\"operator\", \"approver\"]\n").await;
    let (_, olafs) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Modern, Some(&olafs)).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;
    let (path, seen) = (format!("/approvals/{id}"), format!("/approvals/{id}/seen"));
    let version =
        async || operator.gives("get_status", json!({ "deployment_id": id })).await["version"].clone();

    let mut bob = browser(&world, APPROVER, &[]).await;
    let page = bob.open(&path).await;
    page.says(&format!("action=\"{seen}\""));
    let (csrf, request, digest) = (page.field("csrf"), page.field("request"), page.field("digest"));
    let before = version().await;

    // A page of others, a form of another visit, none at all, and whoever only fetches.
    let other = browser(&world, APPROVER, &[]).await.open("/").await.field("csrf");
    let shown = [("csrf", csrf.as_str()), ("request", request.as_str())];
    for refused in [
        bob.post(&seen, &[("request", "1")]),
        bob.post(&seen, &[("csrf", &other), ("request", "1")]),
        bob.post_from_nowhere(&seen, &shown),
        bob.post_from_nowhere(&seen, &shown).header("origin", FRIEND),
    ] {
        assert_eq!(refused.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(bob.open(&seen).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let elsewhere = bob.submit("/approvals/nothing/seen", &shown).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);

    // Whoever is not asked, or may only look, is not noted, and their page does not ask for it.
    for (name, roles) in [("olaf", &[][..]), (APPROVER, &[Role::Viewer][..])] {
        let mut silent = browser(&world, name, roles).await;
        let csrf = silent.open(&path).await.is_silent_about(&seen).field("csrf");
        let answer = silent.submit(&seen, &[("csrf", &csrf), ("request", "1")]).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    let old = [("csrf", csrf.as_str()), ("request", "7")];
    assert_eq!(bob.submit(&seen, &old).await.status, StatusCode::NO_CONTENT);
    assert!(looks(&operator, &id).await.is_empty());

    for _ in 0..2 {
        assert_eq!(bob.submit(&seen, &shown).await.status, StatusCode::NO_CONTENT);
    }
    let [look] = &looks(&operator, &id).await[..] else { panic!("it is noted once") };
    let said = ["by", "channel", "assurance"].map(|field| look[field].as_str().unwrap());
    assert_eq!(said, [APPROVER, "web", "web"]);
    assert_eq!(
        (&look["details_untrusted"], &look["state"]),
        (&json!({ "request": 1 }), &json!("awaiting-approval"))
    );
    bob.open(&path).await.says("bob opened this request").is_silent_about(&seen);
    bob.open(&format!("/deployments/{id}")).await.says("REQUEST_SEEN: request 1 was opened");

    // What was on the screen before is still what is asked.
    assert_eq!(version().await, before);
    let fields =
        [("csrf", csrf.as_str()), ("request", &request), ("digest", &digest), ("verdict", "approve")];
    assert_eq!(bob.submit(&path, &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");
    assert_eq!(bob.submit(&seen, &shown).await.status, StatusCode::NO_CONTENT);
    assert_eq!(looks(&operator, &id).await.len(), 1, "nothing is noted afterwards");
    world.app.store.verify_chain().unwrap();

    let asked = operator.gives("get_metrics", json!({})).await["pipeline"][0]["approvals"].clone();
    assert_eq!(asked["first_seen_known"], 1, "{asked}");
    let ms = |part: &str| asked[part]["median_ms"].as_u64().unwrap();
    assert_eq!(ms("requested_to_first_seen") + ms("first_seen_to_decided"), ms("requested_to_decided"));
    let scraped = bob_scrapes(&world).await;
    let known = "deployment_orchestrator_approvals_decided{service=\"checkout\",environment=\"prod\",first_seen=\"known\"} 1.0\n";
    assert!(scraped.contains(known), "{scraped}");
    assert!(scraped.contains("part=\"first-seen\",percentile=\"50\""), "{scraped}");
}

async fn bob_scrapes(world: &World) -> String {
    let (_, token) = world.token(crate::world::human(APPROVER), &[], None).await;
    let request = crate::client::http().get(world.url("/metrics")).bearer_auth(token);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_decision_without_a_look_leaves_it_unknown_when_it_was_first_seen() {
    let world = World::closed("[people.olaf]\nroles = [\"operator\"]\n").await;
    let (_, olafs) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Modern, Some(&olafs)).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;
    // As a browser without a script.
    browser(&world, APPROVER, &[]).await.answer(&id, "approve", "").await;
    operator.until(&id, "ended").await;
    let asked = operator.gives("get_metrics", json!({})).await["pipeline"][0]["approvals"].clone();
    assert_eq!((&asked["requested_to_decided"]["count"], &asked["first_seen_known"]), (&json!(1), &json!(0)));
    assert!(asked.get("requested_to_first_seen").is_none(), "{asked}");
}
