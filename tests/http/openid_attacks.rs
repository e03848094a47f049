//! What others try with the sign-in at an OpenID provider.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::domain::token::Holder;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::browser::{Browser, Page};
use crate::client::http;
use crate::issuer::{Key, shared, unsigned};
use crate::provider::{CLIENT, Instead, Provider, Signs, header, query_of};
use crate::world::{APPROVER, FRIEND, World};

/// How long somebody may take to sign in.
const PATIENT: Duration = Duration::from_mins(10);

/// Somebody whom this signs in, is not.
async fn refused(provider: &Provider, world: &World) -> Page {
    let mut bob = Browser::new(world);
    let page = provider.sign_in(&mut bob, "/").await;
    assert!(page.status.is_client_error() || page.status.is_server_error(), "{page:?}");
    assert_eq!(bob.cookie, None, "{page:?}");
    page.says("Nobody was signed in").is_silent_about("eyJ").is_silent_about("code+of");
    page
}

#[tokio::test]
async fn a_token_that_says_the_wrong_things_signs_nobody_in() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let now = provider.now();
    for (claims, why) in [
        (json!({ "iss": "https://evil.example" }), "of another issuer"),
        (json!({ "aud": "other" }), "for another audience"),
        (json!({ "aud": [CLIENT, "other"] }), "another client (`azp`)"),
        (json!({ "azp": "other" }), "another client (`azp`)"),
        (json!({ "nonce": "another" }), "of another sign-in (`nonce`)"),
        (json!({ "nonce": null }), "no proper `nonce`"),
        (json!({ "exp": now - 31 }), "has expired"),
        (json!({ "iat": now - 60 }), "older than the sign-in"),
        (json!({ "iat": now + 3_600 }), "not valid yet"),
        (json!({ "sub": null }), "no proper `sub`"),
        (json!({ "auth_time": now + 3_600 }), "no proper `auth_time`"),
    ] {
        provider.conduct().claims = claims;
        refused(&provider, &world).await.says(why);
    }
    provider.conduct().claims = json!({});
    assert_eq!(provider.sign_in(&mut Browser::new(&world), "/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_token_that_the_provider_did_not_sign_signs_nobody_in() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let with = |key: &Key, field: &str, value: Value| {
        let mut header = header(key);
        header[field] = value;
        header
    };
    let signs: Vec<(Signs, &str)> = vec![
        (
            Arc::new(move |key, claims| unsigned(&with(key, "alg", json!("none")), claims)),
            "not a JSON Web Token",
        ),
        (
            Arc::new(move |key, claims| {
                shared(&key.public_bytes(), &with(key, "alg", json!("HS256")), claims)
            }),
            "not a JSON Web Token",
        ),
        (Arc::new(|_, claims| Key::edwards("r").token_with(&header(&Key::edwards("r")), claims)), "publish"),
        (
            Arc::new(|key, claims| {
                let mut token = key.token_with(&header(key), claims);
                token.truncate(token.len() - 8);
                token + "AAAAAAAA"
            }),
            "signature",
        ),
        (Arc::new(|key, claims| key.token_with(&key.header(), claims)), "not an ID token"),
        (Arc::new(move |key, claims| key.token_with(&with(key, "kid", json!("x")), claims)), "names a key"),
        (Arc::new(move |key, claims| key.token_with(&with(key, "crit", json!(["x"])), claims)), "crit"),
        (Arc::new(|_, _| "x".repeat(20_000)), "longer than"),
        (Arc::new(|_, _| String::new()), "not a JSON Web Token"),
    ];
    for (signs, why) in signs {
        provider.conduct().signs = signs;
        refused(&provider, &world).await.says(why);
    }
}

#[tokio::test]
async fn an_answer_belongs_to_the_browser_that_asked_and_counts_once() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let (mut bob, mut eve) = (Browser::new(&world), Browser::new(&world));
    let bobs = provider.led(&mut bob, &[("next", "/")]).await;
    let eves = provider.led(&mut eve, &[("next", "/")]).await;
    let state = query_of(&bobs)["state"].clone();
    for wrong in [
        // Somebody is to be signed in as somebody else, or another's answer is brought.
        eves.clone(),
        bobs.replace(&state, &"0".repeat(state.len())),
        bobs.replace(&state, &state[1..]),
        bobs.replace(&format!("state={state}"), "x=y"),
        format!("{bobs}&state={state}"),
        "/sign-in/finish".to_owned(),
        "/sign-in/finish?error=access_denied&error_description=call+me".to_owned(),
    ] {
        let page = bob.follow(&wrong).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{wrong}");
        page.says("has not begun to sign in").is_silent_about("call me");
        assert_eq!(bob.cookie, None);
    }
    // Without the cookie it is nobody's.
    assert_eq!(Browser::new(&world).follow(&bobs).await.status, StatusCode::BAD_REQUEST);
    assert!(provider.conduct().exchanged.is_empty(), "no code was used");

    let attempt = bob.attempt.clone();
    assert_eq!(bob.follow(&bobs).await.status, StatusCode::SEE_OTHER);
    let visit = bob.cookie.clone();
    bob.attempt = attempt;
    assert_eq!(bob.follow(&bobs).await.status, StatusCode::BAD_REQUEST, "once");
    assert_eq!((bob.cookie, provider.conduct().exchanged.len()), (visit, 1));

    // Whoever takes too long begins again.
    world.clock.let_pass(PATIENT);
    assert_eq!(eve.follow(&eves).await.status, StatusCode::BAD_REQUEST);
    let long = format!("/sign-in/callback?code={}", "x".repeat(9_000));
    assert_eq!(eve.open(&long).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(eve.open("/sign-in/callback").await.status, StatusCode::BAD_REQUEST);
    let odd = eve.open("/sign-in/callback?state=1\"><script>alert(1)</script>").await;
    odd.is_silent_about("<script>");
}

#[tokio::test]
async fn an_answer_says_from_whom_it_is() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let iss = |end: &str| format!("iss={}", end.split_once("iss=").unwrap().1);
    for other in ["", "iss=https%3A%2F%2Fevil.example"] {
        let mut bob = Browser::new(&world);
        let end = provider.led(&mut bob, &[]).await;
        let page = bob.follow(&end.replace(&iss(&end), other)).await;
        assert_eq!((page.status, bob.cookie), (StatusCode::FORBIDDEN, None));
        page.says("not from the provider that was asked");
    }
    assert!(provider.conduct().exchanged.is_empty());
    // One that does not promise to say so may be silent.
    let older = Provider::new().await;
    older.conduct().document = json!({ "authorization_response_iss_parameter_supported": null });
    let world = older.world().await;
    let mut bob = Browser::new(&world);
    let end = older.led(&mut bob, &[]).await;
    assert_eq!(bob.follow(&end.replace(&iss(&end), "")).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_provider_that_says_no_is_told_in_one_sentence() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    for (error, says) in [
        ("access_denied", "the provider says that access was denied"),
        ("temporarily_unavailable", "and says `temporarily_unavailable`"),
        ("Call%20555-1234", "does not say why"),
        ("%3Cscript%3E", "does not say why"),
    ] {
        let mut bob = Browser::new(&world);
        let end = provider.led(&mut bob, &[("next", "/")]).await;
        let state = query_of(&end)["state"].clone();
        let page =
            bob.follow(&format!("/sign-in/finish?error={error}&error_description=555&state={state}")).await;
        assert_eq!((page.status, bob.cookie), (StatusCode::FORBIDDEN, None));
        page.says(says).is_silent_about("555").is_silent_about("<script>");
    }
    assert!(provider.conduct().exchanged.is_empty());
}

#[tokio::test]
async fn a_code_that_brings_no_token_signs_nobody_in() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let denied = |code: &str| json!({ "error": code, "error_description": "555" }).to_string();
    for (status, text, why) in [
        (400, denied("invalid_grant"), "refuses what it had given: invalid_grant"),
        (401, denied("invalid_client"), "invalid_client"),
        (400, denied("Call 555"), "cannot be read"),
        (500, "oops".to_owned(), "cannot be read"),
        (200, "<html>".to_owned(), "cannot be read"),
        (200, json!({ "access_token": "a" }).to_string(), "cannot be read"),
        (200, json!({ "id_token": "x".repeat(200_000) }).to_string(), "cannot be read"),
        (302, String::new(), "cannot be read"),
    ] {
        provider.conduct().instead = Some(Instead::Says(StatusCode::from_u16(status).unwrap(), text));
        refused(&provider, &world).await.says(why).is_silent_about("555");
    }
    // One that takes for ever is not waited for.
    let until = Arc::new(Semaphore::new(0));
    provider.conduct().instead = Some(Instead::Silence(until.clone()));
    let page = refused(&provider, &world).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.says("the provider does not answer");
}

#[tokio::test]
async fn a_sign_in_leads_to_our_pages_and_nobody_keeps_the_visit_before() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    for next in
        ["https://evil.example", "//evil.example", "/\\evil.example", "/sign-out", "javascript:alert(1)"]
    {
        let mut bob = Browser::new(&world);
        assert_eq!(provider.sign_in(&mut bob, next).await.location, "/", "{next}");
    }

    let mut bob = Browser::new(&world);
    bob.cookie = Some("__Host-visit=planted".to_owned());
    bob.attempt = Some("__Host-attempt=planted".to_owned());
    provider.sign_in(&mut bob, "/").await;
    let mut thief = Browser::new(&world);
    thief.cookie = Some("__Host-visit=planted".to_owned());
    assert_eq!(thief.open("/").await.status, StatusCode::SEE_OTHER);
    assert_ne!(bob.cookie, thief.cookie);
    // Each sign-in ends the visit before, whichever way each was.
    let holder = Holder::Browser { name: APPROVER.parse().unwrap() };
    let (_, token) = world.token(holder, &[], None).await;
    thief.cookie = bob.cookie.clone();
    bob.sign_in(&token, "/").await;
    assert_eq!(thief.open("/").await.status, StatusCode::SEE_OTHER);
    thief.cookie = bob.cookie.clone();
    provider.sign_in(&mut bob, "/").await;
    assert_eq!(thief.open("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(bob.open("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_a_form_of_ours_begins_it() {
    let provider = Provider::new().await;
    let world = provider.world().await;
    let browser = Browser::new(&world);
    for origin in ["https://evil.example", "null", FRIEND, provider.url()] {
        let refused = browser.post_from_nowhere("/sign-in/openid", &[]).header("origin", origin);
        assert_eq!(refused.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{origin}");
    }
    let bare = browser.post_from_nowhere("/sign-in/openid", &[]).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::FORBIDDEN);
    assert_eq!(browser.open("/sign-in/openid").await.status, StatusCode::METHOD_NOT_ALLOWED);
    let looked = http().request(Method::HEAD, world.url("/sign-in/finish")).send().await.unwrap();
    assert_eq!(looked.status(), StatusCode::BAD_REQUEST);

    // Where there is no provider, there is no such way.
    let without = World::closed("").await;
    let mut browser = Browser::new(&without);
    assert_eq!(browser.submit("/sign-in/openid", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.open("/sign-in/finish?state=x&code=y").await.status, StatusCode::NOT_FOUND);
    browser.open("/sign-in").await.is_silent_about("Or with a token").says("autofocus");
}
