//! What others try with the pages and with the people at them.

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::principal::{Actor, Channel, Principal};
use deployment_orchestrator::domain::token::Holder;
use deployment_orchestrator::harness::simulator::{Ending, Pipeline, Script};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::browser::{Browser, Page};
use crate::client::{COMMIT, Era, Mcp, http};
use crate::world::{APPROVER, FRIEND, USER, World};

const PICTURE: &str = "\"><img src=x onerror=alert(1)>";

async fn bob(world: &World) -> (Browser, String) {
    let holder = Holder::Browser { name: APPROVER.parse().unwrap() };
    let (_, token) = world.token(holder, &[], None).await;
    (Browser::signed_in(world, &token).await, token)
}

async fn asked(world: &World) -> (Mcp, String) {
    let agent = Mcp::open(world, Era::Modern).await;
    let arguments = json!({
        "repository": "acme/checkout", "branch": "main", "commit_sha": COMMIT, "target_environment": "prod",
        "commits": [{ "sha": COMMIT, "message": format!("<script>alert(1)</script>{PICTURE}") }],
        "variables": { "note": PICTURE },
    });
    let started = agent.gives("start_deployment", arguments).await;
    let id = started["deployment"]["deployment_id"].as_str().unwrap().to_owned();
    agent.until(&id, "attention").await;
    (agent, id)
}

fn head(world: &World) -> u64 {
    let sql = "SELECT max(position) FROM event";
    world.raw().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
}

#[tokio::test]
async fn a_form_of_somebody_else_does_nothing() {
    let world = World::new(Script::instant()).await;
    let (_, id) = asked(&world).await;
    let (bob, token) = bob(&world).await;
    let path = format!("/approvals/{id}");
    let page = bob.open(&path).await;
    let (csrf, request, digest) = (page.field("csrf"), page.field("request"), page.field("digest"));
    let other = Browser::signed_in(&world, &token).await.open("/").await.field("csrf");
    let answer = |csrf: &str| {
        [("csrf", csrf), ("request", &request), ("digest", &digest), ("verdict", "approve")]
            .map(|(name, value)| (name, value.to_owned()))
    };
    let send = |csrf: &str, headers: &[(&str, &str)]| {
        let fields = answer(csrf);
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let request = bob.post_from_nowhere(&path, &fields);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
    };
    let before = head(&world);
    let own = world.url("");
    for (csrf, headers) in [
        // A page of others that has stolen the form, too.
        (&csrf, vec![("origin", "https://evil.example")]),
        (&csrf, vec![("origin", "null")]),
        (&csrf, vec![]),
        // One that may call `/mcp` is still none of ours.
        (&csrf, vec![("origin", FRIEND)]),
        (&csrf, vec![("origin", &own), ("sec-fetch-site", "cross-site")]),
        (&csrf, vec![("origin", &own), ("sec-fetch-site", "same-site")]),
        // A form that was made for another visit, or for none.
        (&other, vec![("origin", &own), ("sec-fetch-site", "same-origin")]),
        (&String::new(), vec![("origin", &own)]),
    ] {
        let refused = send(csrf, &headers).await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    let json = bob.post(&path, &[]).body(r#"{"verdict":"approve"}"#);
    assert_eq!(json.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    for open in ["/sign-in", "/sign-out"] {
        let refused = bob.post_from_nowhere(open, &[("token", token.as_str())]).header("origin", FRIEND);
        assert_eq!(refused.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{open}");
    }
    assert_eq!(head(&world), before, "nothing was recorded");
    let honest = send(&csrf, &[("origin", &own), ("sec-fetch-site", "same-origin")]).await.unwrap();
    assert_eq!(honest.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_form_wants_the_secret_of_its_visit_and_a_page_of_ours() {
    let world = World::new(Script::instant()).await;
    let (_, id) = asked(&world).await;
    let (_, token) = world.token(Holder::Browser { name: USER.parse().unwrap() }, &[], None).await;
    let mut alice = Browser::signed_in(&world, &token).await;
    let page = alice.open(&format!("/approvals/{id}")).await;
    let (csrf, digest) = (
        alice.open("/").await.field("csrf"),
        bob(&world).await.0.open(&format!("/approvals/{id}")).await.field("digest"),
    );
    page.is_silent_about("verdict");
    let other = Browser::signed_in(&world, &token).await.open("/").await.field("csrf");
    let (before, own) = (head(&world), world.url(""));
    let evil = "https://evil.example".to_owned();
    let forms = [
        (
            format!("/approvals/{id}"),
            vec![("request", "1"), ("digest", digest.as_str()), ("verdict", "reject"), ("reason", "x")],
        ),
        (format!("/approvals/{id}/seen"), vec![("request", "1")]),
        (format!("/deployments/{id}/act"), vec![("act", "CANCEL"), ("reason", "x")]),
        ("/sign-out".to_owned(), vec![]),
    ];
    for (path, fields) in &forms {
        for (secret, origin) in [
            (None, Some(&own)),
            (Some("wrong"), Some(&own)),
            (Some(other.as_str()), Some(&own)),
            (Some(csrf.as_str()), Some(&evil)),
            (Some(csrf.as_str()), None),
        ] {
            let fields: Vec<(&str, &str)> =
                fields.iter().copied().chain(secret.map(|secret| ("csrf", secret))).collect();
            let request = alice.post_from_nowhere(path, &fields);
            let request = origin.into_iter().fold(request, |it, origin| it.header("origin", origin));
            let refused = request.send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path} {secret:?} {origin:?}");
        }
    }
    assert_eq!(head(&world), before, "nothing was recorded");
    // Each of them is good with its own secret, so that nothing else was in the way.
    for (path, fields) in forms.iter().skip(1) {
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        let taken = alice.submit(path, &fields).await;
        assert!(
            taken.status == StatusCode::SEE_OTHER || taken.status == StatusCode::NO_CONTENT,
            "{path} {taken:?}"
        );
    }
    assert_eq!(alice.open("/").await.status, StatusCode::SEE_OTHER, "and alice has signed out");
}

#[tokio::test]
async fn the_name_of_an_agent_is_text_too() {
    let world = World::new(Script::instant()).await;
    let wish = json!({
        "repository": "acme/checkout", "branch": "main", "commit_sha": COMMIT, "target_environment": "prod",
    });
    let actor = Actor {
        principal: Principal::Agent { client: PICTURE.to_owned(), on_behalf_of: USER.parse().unwrap() },
        channel: Channel::McpHttp,
        assurance: Assurance::Agent,
    };
    let started = world.app.start(serde_json::from_value(wish).unwrap(), actor).await;
    let Ok(started) = started else { panic!("{started:?}") };
    let id = started.deployment.deployment_id;
    Mcp::open(&world, Era::Modern).await.until(&id, "attention").await;
    let (bob, _) = bob(&world).await;
    for path in [format!("/approvals/{id}"), format!("/deployments/{id}"), "/".to_owned()] {
        let page = bob.open(&path).await;
        page.is_silent_about("<img src=x").says("&#60;img src=x onerror");
    }
}

#[tokio::test]
async fn looking_changes_nothing_and_tells_strangers_nothing() {
    let world = World::new(Script::instant()).await;
    let (_, id) = asked(&world).await;
    let (bob, _) = bob(&world).await;
    let before = head(&world);
    let paths = [
        "/".to_owned(),
        "/numbers".to_owned(),
        format!("/approvals/{id}"),
        format!("/deployments/{id}"),
        "/sign-in".to_owned(),
    ];
    for path in &paths {
        bob.open(path).await;
        let headless = http().request(Method::HEAD, world.url(path)).send().await.unwrap();
        assert!(!headless.status().is_server_error());
        // A preview of a link, and somebody who follows it from a chat.
        for site in [None, Some("cross-site"), Some("none")] {
            let preview = http().get(world.url(path)).header("user-agent", "Slackbot-LinkExpanding 1.0");
            let preview = site.into_iter().fold(preview, |it, site| it.header("sec-fetch-site", site));
            let page = Page::of(preview.send().await.unwrap()).await;
            page.is_silent_about("checkout").is_silent_about(&COMMIT[..10]).is_silent_about("prod");
        }
    }
    for path in [
        format!("/deployments/{id}/act?act=CANCEL&reason=x"),
        format!("/approvals/{id}/seen?request=1"),
        "/sign-out".to_owned(),
    ] {
        assert_eq!(bob.open(&path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let headless = http().head(world.url(&path)).header("cookie", bob.cookie.clone().unwrap());
        assert_eq!(headless.send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    bob.open(&format!("/approvals/{id}?verdict=approve")).await;
    assert_eq!(head(&world), before);
    assert_eq!(bob.open("/").await.status, StatusCode::OK, "and bob is still signed in");
}

#[tokio::test]
async fn text_from_outside_stays_text() {
    let failing = Pipeline::lasting(0).ending([Ending::failed("APPLICATION_ERROR", PICTURE)]);
    let world = World::new(Script::instant().with("deploy_prod", failing)).await;
    let (agent, id) = asked(&world).await;
    let (mut bob, _) = bob(&world).await;
    let path = format!("/approvals/{id}");
    let escaped = "&#60;script&#62;alert(1)";
    bob.open(&path).await.says(escaped).is_silent_about("<img src=x").is_silent_about("<script>alert");
    bob.answer(&id, "approve", PICTURE).await;
    assert_eq!(agent.until(&id, "ended").await["state"], "failed");
    for path in [path, format!("/deployments/{id}"), "/".to_owned()] {
        let page = bob.open(&path).await;
        page.is_silent_about("<img src=x").is_silent_about("<script>alert");
    }
    bob.open(&format!("/deployments/{id}")).await.says("&#60;img src=x onerror=alert(1)");
    for path in ["/approvals/<script>alert(1)<script>", "/deployments/%3Cscript%3Ealert(1)"] {
        let page = bob.open(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        page.is_silent_about("<script>alert");
    }
}

#[tokio::test]
async fn every_page_tells_the_browser_to_keep_others_out() {
    let world = World::new(Script::instant()).await;
    let (bob, _) = bob(&world).await;
    let stranger = Browser::stranger(&bob);
    let looks = [
        "/",
        "/sign-in",
        "/approvals/x",
        "/deployments/x",
        "/assets/style.css",
        "/assets/chart.css",
        "/assets/live.js",
        "/events",
        "/numbers",
    ];
    let looks = looks.map(|path| (path, bob.get(path)));
    // Whatever is refused says the same, and the way round the cookie that stays away.
    let refused = [
        ("a form of others", bob.post_from_nowhere("/sign-out", &[])),
        ("no such form", bob.post("/sign-out", &[("csrf", "x")])),
        ("no form", bob.post("/", &[])),
        ("no token", stranger.post("/sign-in", &[("token", "x")])),
        ("a form of nobody", stranger.post("/sign-out", &[])),
        ("a link", http().get(world.url("/")).header("sec-fetch-site", "cross-site")),
    ];
    for (path, request) in looks.into_iter().chain(refused) {
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "same-origin");
    }
}

#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let world = World::new(Script::instant()).await;
    let (_, token) = bob(&world).await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/%2f%2fevil.example",
        "javascript:alert(1)",
        "/sign-out",
        "/approvals/../..//evil.example",
        "//evil.example/numbers",
        "/numbers/../..//evil.example",
    ] {
        let mut browser = Browser::new(&world);
        browser
            .open(&format!("/sign-in?next={next}"))
            .await
            .is_silent_about("evil")
            .is_silent_about("javascript:");
        assert_eq!(browser.sign_in(&token, next).await.location, "/", "{next}");
        assert_eq!(browser.open(&format!("/sign-in?next={next}")).await.location, "/", "{next}");
    }
}

#[tokio::test]
async fn a_cookie_that_somebody_planted_is_worth_nothing() {
    let world = World::new(Script::instant()).await;
    let (_, token) = bob(&world).await;
    let mut victim = Browser::new(&world);
    victim.cookie = Some("__Host-visit=planted".to_owned());
    victim.sign_in(&token, "/").await;
    let mut thief = Browser::new(&world);
    thief.cookie = Some("__Host-visit=planted".to_owned());
    assert_eq!(thief.open("/").await.status, StatusCode::SEE_OTHER);
    assert_ne!(victim.cookie, thief.cookie);

    // The earlier visit of the same browser ends with the next sign-in, and each with its sign-out.
    thief.cookie = victim.cookie.clone();
    assert_eq!(thief.open("/").await.status, StatusCode::OK);
    victim.sign_in(&token, "/").await;
    assert_eq!(thief.open("/").await.status, StatusCode::SEE_OTHER);
    thief.cookie = victim.cookie.clone();
    let csrf = victim.open("/").await.field("csrf");
    victim.submit("/sign-out", &[("csrf", &csrf)]).await;
    assert_eq!(thief.open("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn there_are_no_files_to_be_reached() {
    let world = World::new(Script::instant()).await;
    let (bob, _) = bob(&world).await;
    for path in [
        "/assets/../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets//etc/passwd",
        "/approvals/..%2f..%2fetc%2fpasswd",
        "/deployments/%00",
        "/assets/",
    ] {
        let page = bob.open(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.is_silent_about("root:").is_silent_about("[package]");
    }
}

#[tokio::test]
async fn sign_ins_are_slowed_down() {
    let world = World::new(Script::instant()).await;
    let mut browser = Browser::new(&world);
    let slowed_down = loop {
        let page = browser.sign_in("dorc_0", "/").await;
        if page.status != StatusCode::UNAUTHORIZED {
            break page;
        }
    };
    assert_eq!(slowed_down.status, StatusCode::TOO_MANY_REQUESTS);
}
