//! Access tokens of an authorization server: what they open, and all that opens nothing.

use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::clock::Clock as _;
use deployment_orchestrator::oauth::{FRESH_FOR, GOOD_FOR, RETRY_AFTER, UNSEEN_FOR};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::client::{Era, Mcp, http};
use crate::issuer::{Answer, Issuer, Key, encoded, shared, unsigned};
use crate::world::{APPROVER, PATIENCE, World, agent};

const ISSUER: &str = "https://id.acme.example/";
const RESOURCE: &str = "https://deploy.acme.example/mcp";
const METADATA: &str = "https://deploy.acme.example/.well-known/oauth-protected-resource/mcp";

/// Past a limit.
const MOMENT: Duration = Duration::from_millis(1);

/// A server that trusts `issuer`, which calls two people as this says.
async fn trusting(issuer: &Issuer) -> World {
    World::closed(&format!(
        "[http.oauth]\nissuer = \"{ISSUER}\"\njwks_url = \"{}\"\n\
         scopes = {{ \"deploy:read\" = \"viewer\", \"deploy:write\" = \"operator\", \"deploy:approve\" = \"approver\" }}\n\
         [people.olaf]\nroles = [\"operator\"]\noauth_subject = \"id|olaf\"\n\
         [people.vera]\nroles = [\"viewer\"]\noauth_subject = \"id|vera\"\n",
        issuer.url
    ))
    .await
}

/// What a good token of olaf says, with others in the place of some; null leaves one out.
fn claims(world: &World, others: Value) -> Value {
    let now = seconds(world);
    let mut claims = json!({
        "iss": ISSUER, "aud": RESOURCE, "sub": "id|olaf", "scope": "openid deploy:write",
        "iat": now, "nbf": now - 5, "exp": now + 300,
    });
    let fields = claims.as_object_mut().unwrap();
    fields.extend(others.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    claims
}

fn seconds(world: &World) -> i64 {
    world.clock.now().0 / 1_000
}

/// `header` with others in the place of some; null leaves one out.
fn with(mut header: Value, others: Value) -> Value {
    let fields = header.as_object_mut().unwrap();
    fields.extend(others.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    header
}

async fn shown(world: &World, token: &str) -> Response {
    Mcp::open_as(world, Era::Modern, Some(token)).await.send("tools/list", json!({})).await
}

async fn status(world: &World, token: &str) -> StatusCode {
    shown(world, token).await.status()
}

/// What a request is told that is not let in, in the header and in words.
async fn told(world: &World, token: &str) -> (StatusCode, String, String) {
    let answer = shown(world, token).await;
    let challenge = answer.headers().get("www-authenticate").map(|it| it.to_str().unwrap().to_owned());
    (answer.status(), challenge.unwrap_or_default(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_good_token_acts_as_an_agent_of_its_person() {
    let (rsa, curve, edwards) = (Key::rsa("r"), Key::curve("c"), Key::edwards("e"));
    let issuer = Issuer::publishing(&[&rsa, &curve, &edwards]).await;
    let world = trusting(&issuer).await;
    let good = claims(&world, json!({}));
    for (key, header) in [
        (&rsa, rsa.header()),
        (&rsa, with(rsa.header(), json!({ "alg": "PS256", "typ": "JWT" }))),
        (&curve, with(curve.header(), json!({ "typ": null }))),
        (&edwards, with(edwards.header(), json!({ "typ": "application/AT+jwt" }))),
    ] {
        let token = key.token_with(&header, &good);
        assert_eq!(status(&world, &token).await, StatusCode::OK, "{header}");
    }
    assert_eq!(issuer.asked(), 1, "keys are kept");

    let client = Mcp::open_as(&world, Era::Legacy, Some(&rsa.token(&good))).await;
    let id = client.start("prod").await;
    let waiting = client.until(&id, "attention").await;
    assert_eq!(waiting["state"], "awaiting-approval");
    // A token that is renewed goes on in the session; another person's does not.
    let renewed = curve.token(&claims(&world, json!({ "exp": seconds(&world) + 600 })));
    client.showing(&renewed).gives("get_status", json!({ "deployment_id": id })).await;
    let other = edwards.token(&claims(&world, json!({ "sub": "id|vera", "scope": "deploy:read" })));
    assert_eq!(client.showing(&other).send("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);

    let history = client.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let created = &history["events"][0];
    assert_eq!(
        (&created["assurance"], &created["kind"], &created["channel"]),
        (&"oauth".into(), &"agent".into(), &"mcp-http".into()),
        "{created}"
    );
    assert!(created["by"].as_str().unwrap().ends_with("for olaf"), "{created}");
    world.app.store.verify_chain().unwrap();
}

#[tokio::test]
async fn no_access_token_decides() {
    let key = Key::edwards("e");
    let issuer = Issuer::publishing(&[&key]).await;
    // The gate accepts the approver's own token, and this is not one.
    let world = World::closed(&format!(
        "[http.oauth]\nissuer = \"{ISSUER}\"\njwks_url = \"{}\"\n\
         [people.olaf]\nroles = [\"operator\", \"approver\"]\noauth_subject = \"{APPROVER}\"\n",
        issuer.url
    ))
    .await;
    let all = claims(&world, json!({ "sub": APPROVER, "scope": "viewer operator approver admin" }));
    let client = Mcp::open_as(&world, Era::Modern, Some(&key.token(&all))).await;
    let id = client.start("prod").await;
    client.until(&id, "attention").await;
    let asked = client.gives("approve", json!({ "deployment_id": id })).await;
    assert_eq!(asked["approved"], false, "{asked}");
    let status = client.gives("get_status", json!({ "deployment_id": id })).await;
    assert_eq!(status["state"], "awaiting-approval");
    assert_eq!(client.refuses("reject", json!({ "deployment_id": id })).await, "needs-human");
}

#[tokio::test]
async fn nothing_else_lets_anybody_in() {
    let (rsa, curve, other) = (Key::rsa("r"), Key::curve("c"), Key::curve("c"));
    let issuer = Issuer::publishing(&[&rsa, &curve]).await;
    let world = trusting(&issuer).await;
    let now = seconds(&world);
    let good = claims(&world, json!({}));
    let changed = |others| curve.token(&claims(&world, others));
    let headed = |others| curve.token_with(&with(curve.header(), others), &good);
    let hs256 = with(rsa.header(), json!({ "alg": "HS256" }));
    let none = with(rsa.header(), json!({ "alg": "none" }));
    let (stolen, head) = (curve.token(&good), with(curve.header(), json!({})));
    let (_, signature) = stolen.rsplit_once('.').unwrap();
    let raised = unsigned(&head, &claims(&world, json!({ "sub": "id|vera" }))) + signature;
    let algorithm = "not a JSON Web Token signed with RS256, PS256, ES256 or EdDSA";
    for (attack, token, says) in [
        ("another audience", changed(json!({ "aud": "https://other.acme.example/mcp" })), "another audience"),
        ("no audience", changed(json!({ "aud": null })), "no proper `aud`"),
        ("another issuer", changed(json!({ "iss": "https://id.acme.example" })), "another issuer"),
        ("expired", changed(json!({ "exp": now - 60 })), "has expired"),
        ("without an end", changed(json!({ "exp": null })), "no proper `exp`"),
        ("not yet valid", changed(json!({ "nbf": now + 120 })), "not valid yet"),
        ("of nobody", changed(json!({ "sub": null })), "no proper `sub`"),
        ("the wrong key of that name", other.token(&good), "signature"),
        (
            "the key of another name",
            curve.token_with(&with(curve.header(), json!({ "kid": "r" })), &good),
            "does not publish",
        ),
        (
            "a key brought along",
            other.token_with(&with(other.header(), json!({ "jwk": other.jwk() })), &good),
            "signature",
        ),
        ("other claims under a signature", raised, "signature"),
        ("no signature", unsigned(&curve.header(), &good), "signature"),
        ("alg none", unsigned(&none, &good), algorithm),
        ("alg none with a signature", rsa.token_with(&none, &good), algorithm),
        ("HMAC by the public key", shared(&rsa.public_bytes(), &hs256, &good), algorithm),
        ("HMAC by the published key", shared(rsa.jwk().to_string().as_bytes(), &hs256, &good), algorithm),
        ("RS512", rsa.token_with(&with(rsa.header(), json!({ "alg": "RS512" })), &good), algorithm),
        ("no name of a key", headed(json!({ "kid": null })), "names no key"),
        ("an identity token", headed(json!({ "typ": "logout+jwt" })), "not an access token"),
        ("a demand", headed(json!({ "crit": ["exp"] })), "`crit`"),
        ("a long one", changed(json!({ "groups": "x".repeat(20_000) })), "longer than"),
        (
            "claims that are no object",
            format!("{}.{}.{signature}", encoded(head.to_string().as_bytes()), encoded(b"[]")),
            "signature",
        ),
        ("no token at all", "x".to_owned(), algorithm),
        ("five parts", "a.b.c.d.e".to_owned(), algorithm),
    ] {
        let (status, challenge, body) = told(&world, &token).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{attack}");
        let begins =
            format!("Bearer resource_metadata=\"{METADATA}\", error=\"invalid_token\", error_description=\"");
        assert!(challenge.starts_with(&begins), "{attack}: {challenge}");
        assert!(challenge.contains(says) && body.contains(says), "{attack}: {challenge} {body}");
        let secret = token.rsplit('.').next().unwrap();
        assert!(
            secret.len() < 9 || !(challenge.clone() + &body).contains(secret),
            "{attack}: {challenge} {body}"
        );
    }
    let (status, challenge, _) = told(&world, &changed(json!({ "sub": "id|\"mallory\"\u{202e}" }))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        challenge.starts_with(&format!("Bearer resource_metadata=\"{METADATA}\", error_description=\"")),
        "no other scope would help: {challenge}"
    );
    assert!(
        challenge.contains("names no person as `id|?mallory?`") && challenge.contains("`oauth_subject`"),
        "{challenge}"
    );
    assert_eq!(issuer.asked(), 1, "keys of good names are not looked for again");
}

#[tokio::test]
async fn scopes_only_narrow_what_the_person_may() {
    let key = Key::edwards("e");
    let issuer = Issuer::publishing(&[&key]).await;
    let world = trusting(&issuer).await;
    let token = |sub: &str, scope: &str| key.token(&claims(&world, json!({ "sub": sub, "scope": scope })));
    let operator = Mcp::open_as(&world, Era::Modern, Some(&token("id|olaf", "deploy:write"))).await;
    let id = operator.start("dev").await;
    // The second has a scope for more than the person may.
    for (sub, scope) in [("id|olaf", "deploy:read"), ("id|vera", "deploy:read deploy:write deploy:approve")] {
        for era in [Era::Legacy, Era::Modern] {
            let viewer = Mcp::open_as(&world, era, Some(&token(sub, scope))).await;
            let tools = viewer.tools().await;
            assert!(tools.contains(&"get_status".to_owned()), "{tools:?}");
            assert!(!tools.contains(&"start_deployment".to_owned()), "{tools:?}");
            let asks = json!({ "deployment_id": id, "reason": "x" });
            assert_eq!(viewer.refuses("cancel_deployment", asks).await, "not-permitted");
        }
    }
    let scopes = "scope=\"deploy:approve deploy:read deploy:write\"";
    for scope in ["openid profile", "", "operator"] {
        let (status, challenge, body) = told(&world, &token("id|olaf", scope)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{scope}");
        assert!(
            challenge.contains("error=\"insufficient_scope\"") && challenge.ends_with(scopes),
            "{challenge}"
        );
        assert!(challenge.contains(METADATA) && body.contains("deploy:read"), "{challenge} {body}");
    }
    let nobody = Mcp::open_as(&world, Era::Modern, None).await.send("tools/list", json!({})).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let challenge = format!("Bearer resource_metadata=\"{METADATA}\", {scopes}");
    assert_eq!(nobody.headers()["www-authenticate"], challenge.as_str(), "a client asks for these");
}

#[tokio::test]
async fn keys_may_be_replaced_and_are_not_fetched_on_demand() {
    let (old, new) = (Key::edwards("old"), Key::curve("new"));
    let issuer = Issuer::publishing(&[&old]).await;
    let world = trusting(&issuer).await;
    let by = |key: &Key| key.token(&claims(&world, json!({})));
    assert_eq!(status(&world, &by(&old)).await, StatusCode::OK);
    for _ in 0..20 {
        let (status, challenge, _) = told(&world, &by(&new)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(
            challenge.contains("error=\"invalid_token\"") && challenge.contains("does not publish"),
            "{challenge}"
        );
    }
    assert_eq!(issuer.asked(), 1, "anybody can write a name");

    issuer.publishes(&[&old, &new]);
    world.clock.let_pass(RETRY_AFTER + MOMENT);
    assert_eq!(status(&world, &by(&new)).await, StatusCode::OK);
    assert_eq!(issuer.asked(), 2);
    issuer.publishes(&[&new]);
    world.clock.let_pass(RETRY_AFTER + MOMENT);
    assert_eq!(status(&world, &by(&Key::edwards("unknown"))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&world, &by(&old)).await, StatusCode::UNAUTHORIZED, "it was taken back");
    assert_eq!(issuer.asked(), 3);

    issuer.publishes(&[&old]);
    world.clock.let_pass(UNSEEN_FOR + MOMENT);
    assert_eq!(
        status(&world, &by(&new)).await,
        StatusCode::UNAUTHORIZED,
        "after a quiet time the first look is not skipped"
    );
    assert_eq!(issuer.asked(), 4);

    issuer.publishes(&[&new]);
    world.clock.let_pass(FRESH_FOR + MOMENT);
    assert_eq!(status(&world, &by(&old)).await, StatusCode::OK, "nobody waits while they are in use");
    let looked = async {
        while issuer.asked() < 5 || status(&world, &by(&old)).await == StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, looked).await.expect("they are fetched beside the requests");
    assert_eq!(status(&world, &by(&old)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn while_the_keys_are_not_to_be_had_nobody_is_told_that_a_token_is_bad() {
    let key = Key::edwards("e");
    let issuer = Issuer::publishing(&[&key]).await;
    let elsewhere = Issuer::publishing(&[&key]).await;
    let world = trusting(&issuer).await;
    let fresh = || key.token(&claims(&world, json!({})));
    for (answer, says) in [
        (Answer::Status(StatusCode::BAD_GATEWAY), "status 502"),
        (Answer::Moved(elsewhere.url.clone()), "status 302"),
        (Answer::Document(json!({ "error": "x" })), "not a set of keys"),
        (Answer::Document(json!({ "keys": [], "x": "x".repeat(5_000_000) })), "not a set of keys"),
        (
            Answer::Document(json!({ "keys": [{ "kty": "oct", "kid": "e", "k": "eA" }] })),
            "no key that can be used",
        ),
    ] {
        issuer.answers(answer);
        let before = issuer.asked();
        for _ in 0..2 {
            let answer = shown(&world, &fresh()).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{says}");
            assert_eq!(answer.headers()["retry-after"], "30");
            assert!(!answer.headers().contains_key("www-authenticate"), "{says}");
            let body = answer.text().await.unwrap();
            assert!(body.contains("cannot be checked") && body.contains(says), "{body}");
        }
        assert_eq!(issuer.asked(), before + 1, "{says}");
        world.clock.let_pass(RETRY_AFTER + MOMENT);
    }
    assert_eq!(elsewhere.asked(), 0);
    let own = world.token(agent("olaf"), &[], None).await.1;
    assert_eq!(status(&world, &own).await, StatusCode::OK, "our own tokens need no keys of theirs");

    issuer.publishes(&[&key]);
    assert_eq!(status(&world, &fresh()).await, StatusCode::OK, "it is back");
    issuer.answers(Answer::Status(StatusCode::BAD_GATEWAY));
    world.clock.let_pass(GOOD_FOR - Duration::from_mins(1));
    assert_eq!(status(&world, &fresh()).await, StatusCode::OK, "known keys are used meanwhile");
    assert_eq!(
        status(&world, &Key::curve("new").token(&claims(&world, json!({})))).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    world.clock.let_pass(Duration::from_mins(2));
    assert_eq!(status(&world, &fresh()).await, StatusCode::SERVICE_UNAVAILABLE, "but not for ever");
    issuer.publishes(&[&key]);
    world.clock.let_pass(RETRY_AFTER + MOMENT);
    assert_eq!(status(&world, &fresh()).await, StatusCode::OK);
}

#[tokio::test]
async fn whoever_has_a_known_key_waits_for_no_fetch() {
    let key = Key::edwards("e");
    let issuer = Issuer::publishing(&[&key]).await;
    let world = trusting(&issuer).await;
    let by = |key: &Key| key.token(&claims(&world, json!({})));
    assert_eq!(status(&world, &by(&key)).await, StatusCode::OK);
    let until = Arc::new(Semaphore::new(0));
    issuer.answers(Answer::Silence(until.clone()));
    world.clock.let_pass(FRESH_FOR + MOMENT);
    let unknown = Mcp::open_as(&world, Era::Modern, Some(&by(&Key::curve("x")))).await;
    let waiting = tokio::spawn(unknown.request("tools/list", json!({})).send());
    let begun = async {
        while issuer.asked() < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, begun).await.expect("it asks for the keys");
    for _ in 0..3 {
        assert_eq!(status(&world, &by(&key)).await, StatusCode::OK);
    }
    assert!(!waiting.is_finished(), "that one waits");
    until.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(issuer.asked(), 2, "one fetch at a time, and a pause after it");
}

#[tokio::test]
async fn clients_are_told_where_tokens_are_to_be_had() {
    let issuer = Issuer::publishing(&[]).await;
    let world = trusting(&issuer).await;
    let url = world.url("/.well-known/oauth-protected-resource/mcp");
    let metadata: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        metadata,
        json!({
            "resource": RESOURCE,
            "resource_name": "deployment-orchestrator",
            "bearer_methods_supported": ["header"],
            "authorization_servers": [ISSUER],
            "scopes_supported": ["deploy:approve", "deploy:read", "deploy:write"],
        })
    );
}
