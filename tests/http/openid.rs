//! People who sign in at an OpenID provider: what they see, and how they decide.

use std::time::Duration;

use deployment_orchestrator::oauth::openid::RETRY_AFTER;
use deployment_orchestrator::tally::{Outcome, Upstream};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::{Era, Mcp};
use crate::provider::{Provider, past, query_of};
use crate::world::{APPROVER, World, agent};

/// Olaf's agent waits for people to approve.
async fn asking(world: &World) -> (Mcp, String) {
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(world, Era::Modern, Some(&olaf)).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;
    (operator, id)
}

async fn state(operator: &Mcp, id: &str) -> Value {
    operator.gives("get_status", json!({ "deployment_id": id })).await["state"].clone()
}

#[tokio::test]
async fn an_approver_signs_in_there_and_approves_here() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let (operator, id) = asking(&world).await;
    let path = format!("/approvals/{id}");
    let mut bob = Browser::new(&world);
    let host = provider.url().trim_start_matches("http://").to_owned();
    bob.open(&format!("/sign-in?next={path}")).await.says(&format!("Sign in at {host}")).says(&path);

    let sent = bob.submit("/sign-in/openid", &[("next", &path)]).await;
    let asked = query_of(&sent.detour());
    assert_eq!((asked["scope"].as_str(), asked.get("prompt")), ("openid", None));
    assert_eq!(asked["redirect_uri"], "https://deploy.acme.example/sign-in/callback");
    let signed_in = provider.sign_in(&mut bob, &path).await;
    assert_eq!((signed_in.status, signed_in.location.as_str()), (StatusCode::SEE_OTHER, path.as_str()));
    assert_eq!(bob.attempt.as_deref(), Some("__Host-attempt="), "it is forgotten");

    let calls = &world.tally.counts().calls[&Upstream::Openid];
    assert_eq!((calls.outcomes[&Outcome::Ok], calls.durations.count()), (3, 3), "itself, a code, its keys");

    // Who has just shown the provider who they are need not show it again.
    let decided = bob.answer(&id, "approve", "looks good").await;
    assert_eq!(decided.status, StatusCode::SEE_OTHER, "{decided:?}");
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");
    let history = operator.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let decision = history["events"].as_array().unwrap().iter().find(|it| it["by"] == APPROVER).unwrap();
    assert_eq!((&decision["channel"], &decision["assurance"]), (&json!("web-openid"), &json!("web")));
    world.app.store.verify_chain().unwrap();
    let kept = String::from_utf8_lossy(&world.kept()).into_owned();
    assert!(!kept.contains("code+of/") && !kept.contains("eyJ"), "no code and no token is kept");

    let csrf = bob.open("/").await.field("csrf");
    bob.submit("/sign-out", &[("csrf", &csrf)]).await;
    assert_eq!(bob.open("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_signed_in_long_ago_does_so_again_before_a_decision() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let (operator, id) = asking(&world).await;
    let path = format!("/approvals/{id}");
    let mut bob = Browser::new(&world);
    provider.sign_in(&mut bob, &path).await;
    let fresh = bob.open(&path).await;
    world.clock.let_pass(Duration::from_mins(16));

    // The page was open all the time.
    let fields = [
        ("csrf", fresh.field("csrf")),
        ("request", fresh.field("request")),
        ("digest", fresh.field("digest")),
        ("verdict", "approve".to_owned()),
        ("reason", "kept <words>".to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let early = bob.submit(&path, &fields).await;
    assert_eq!(early.status, StatusCode::UNAUTHORIZED);
    early.says("Nothing was decided").says("kept &#60;words&#62;").says("Sign in again at");
    early.is_silent_about("value=\"approve\"").is_silent_about("name=\"token\"");

    let again = [("next", path.as_str()), ("reason", "kept <words>")];
    let before = bob.cookie.clone();
    for (asks_anew, subject, claims, why) in [
        (false, "id|bob", json!({}), "has not asked you to sign in anew"),
        (true, "id|bob", json!({ "auth_time": null }), "has not asked you to sign in anew"),
        (true, "id|olaf", json!({}), "as somebody else"),
    ] {
        {
            let mut conduct = provider.conduct();
            (conduct.asks_anew, conduct.subject, conduct.claims) = (asks_anew, subject.to_owned(), claims);
        }
        let end = provider.led(&mut bob, &again).await;
        let refused = bob.follow(&end).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        refused.says(why);
        assert_eq!(bob.cookie, before);
        assert_eq!(bob.open(&path).await.status, StatusCode::OK, "the visit goes on");
        bob.open(&path).await.says("Sign in again at");
    }
    {
        let mut conduct = provider.conduct();
        (conduct.subject, conduct.claims) = ("id|bob".to_owned(), json!({}));
    }
    let sent = bob.submit("/sign-in/openid", &again).await;
    let asked = query_of(&sent.detour());
    assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"));
    let end = provider.led(&mut bob, &again).await;
    assert_eq!(bob.follow(&end).await.location, path);
    assert_ne!(bob.cookie, before, "the visit has another id");
    bob.open(&path).await.says("kept &#60;words&#62;").says("value=\"approve\"");
    bob.open("/").await.is_silent_about("kept");
    assert_eq!(state(&operator, &id).await, "awaiting-approval", "coming back decides nothing");
    assert_eq!(bob.answer(&id, "approve", "kept <words>").await.status, StatusCode::SEE_OTHER);
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");
}

#[tokio::test]
async fn a_sign_in_that_asked_nobody_anything_decides_nothing() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let (operator, id) = asking(&world).await;
    for authenticated_at in [json!(provider.now() - 16 * 60), json!(null)] {
        provider.conduct().claims = json!({ "auth_time": authenticated_at });
        let mut bob = Browser::new(&world);
        provider.sign_in(&mut bob, "/").await;
        let page = bob.open(&format!("/approvals/{id}")).await;
        page.says("Sign in again at").is_silent_about("value=\"approve\"");
        assert_eq!(bob.answer(&id, "approve", "").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(state(&operator, &id).await, "awaiting-approval");
}

#[tokio::test]
async fn who_is_nobody_here_is_told_what_to_ask_for() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    for (subject, shown) in [("auth0|eve", "auth0|eve"), ("<script>", "&#60;script&#62;"), ("bob", "bob")] {
        provider.conduct().subject = subject.to_owned();
        let mut eve = Browser::new(&world);
        let page = provider.sign_in(&mut eve, "/").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        page.says("You are not known here").says(&format!("`{shown}`")).says("openid_subject");
        assert_eq!(eve.cookie, None);
    }
}

#[tokio::test]
async fn a_visit_is_over_after_a_working_day() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let mut bob = Browser::new(&world);
    provider.sign_in(&mut bob, "/").await;
    world.clock.let_pass(Duration::from_hours(12) - Duration::from_secs(30));
    assert_eq!(bob.open("/").await.status, StatusCode::OK);
    world.clock.let_pass(Duration::from_secs(30));
    assert_eq!(bob.open("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn while_the_provider_is_away_tokens_sign_people_in() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let url = provider.url();
    let huge = "x".repeat(300 * 1024);
    for (document, why) in [
        (json!({ "issuer": format!("{url}/") }), "calls itself otherwise"),
        (json!({ "issuer": null }), "does not describe itself"),
        (json!({ "issuer": url, "jwks_uri": huge }), "does not describe itself"),
        (json!({ "code_challenge_methods_supported": ["plain"] }), "does not support PKCE"),
        (json!({ "token_endpoint": "http://id.acme.example/token" }), "not safe to ask: `token_endpoint`"),
        (json!({ "jwks_uri": "file:///etc/passwd" }), "not safe to ask: `jwks_uri`"),
        (json!({ "authorization_endpoint": "javascript:alert(1)" }), "`authorization_endpoint`"),
        (json!({ "authorization_endpoint": "https://a@b.example/" }), "`authorization_endpoint`"),
    ] {
        provider.conduct().document = document;
        world.clock.let_pass(past(RETRY_AFTER));
        let mut bob = Browser::new(&world);
        let page = bob.submit("/sign-in/openid", &[("next", "/")]).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:?}");
        page.says(why).says("Nobody was signed in").says("Your token for the browser");
        assert_eq!(bob.attempt, None);
    }
    // Nobody asks again at once, and then it works.
    provider.conduct().document = json!({});
    let mut bob = Browser::new(&world);
    assert_eq!(bob.submit("/sign-in/openid", &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    world.clock.let_pass(past(RETRY_AFTER));
    assert_eq!(provider.sign_in(&mut bob, "/").await.status, StatusCode::SEE_OTHER);

    let elsewhere = Provider::new().await;
    let world = elsewhere.world().await;
    drop(elsewhere);
    let holder = deployment_orchestrator::domain::token::Holder::Browser { name: APPROVER.parse().unwrap() };
    let (_, token) = world.token(holder, &[], None).await;
    Browser::new(&world)
        .submit("/sign-in/openid", &[])
        .await
        .says("does not answer where it should describe itself");
    Browser::signed_in(&world, &token).await;
}
