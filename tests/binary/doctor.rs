//! What `doctor` says of an installation, and how it ends.

use axum::Router;
use axum::routing::get;
use deployment_orchestrator::harness::simulator::Script;
use serde_json::json;
use tokio::net::TcpListener;

use crate::http::Listening;
use crate::room::{Ended, Room, config, ended};
use crate::wire::Era;

async fn examined(room: &Room, with_credentials: bool) -> Ended {
    let mut command = if with_credentials { room.operator() } else { room.command() };
    command.args(["doctor", "--json"]);
    ended(command).await
}

/// What is wrong: level, check, and the sentence.
fn findings(ended: &Ended) -> Vec<(String, String, String)> {
    let text = |finding: &serde_json::Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let all = ended.json()["findings"].as_array().unwrap().clone();
    all.iter()
        .filter(|it| it["level"] != "good")
        .map(|it| {
            assert!(it["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{it}");
            (text(it, "level"), text(it, "check"), text(it, "what"))
        })
        .collect()
}

#[tokio::test]
async fn doctor_names_each_weakness_and_fails_on_what_stands_in_the_way() {
    let room = Room::furnished(Script::instant()).await;
    let good = config(&room.keygen("erin").await);
    let gate = |more: &str| good.replace("[\"dana\"] }", &format!("[\"dana\"], {more} }}"));
    let for_dana = good.replace("user = \"alex\"", "user = \"dana\"");
    let two = format!("{for_dana}\n[people.erin]\nroles = [\"approver\"]\n[groups]\nsecurity = [\"dana\"]\n")
        .replace("[\"dana\"] }", "[\"dana\", \"erin\"], required_groups = [\"security\"], accept = [\"signed\", \"client-confirmed\"] }");
    let table = [
        ("all is well", good.clone(), true, &[][..]),
        ("no credentials", good.clone(), false, &[("error", "credentials", "HARNESS_API_KEY")]),
        (
            "the client's word",
            gate("accept = [\"client-confirmed\"]"),
            true,
            &[("warning", "weak-approval", "no human is proved")],
        ),
        (
            "the agent's word",
            gate("accept = [\"signed\", \"agent\"]"),
            true,
            &[("warning", "weak-approval", "no human decided")],
        ),
        ("one's own", gate("allow_self_approval = true"), true, &[("warning", "self-approval", "prod")]),
        ("a dead end", for_dana.clone(), true, &[("error", "four-eyes", "only 0 approvers are left of 1")]),
        (
            "a group of one",
            two,
            true,
            &[("warning", "weak-approval", "prod"), ("error", "four-eyes", "required group `security`")],
        ),
        (
            "nobody",
            good.replace("approval = { approvers = [\"dana\"] }", ""),
            true,
            &[("error", "gate", "nobody may approve prod")],
        ),
        ("no config", good.replace("[people.dana]", "[people.dora]"), true, &[("error", "config", "dana")]),
    ];
    Room::session(&room, Era::Modern).await.close().await;
    for (what, text, with_credentials, expected) in table {
        room.write_config(&text);
        let ended = examined(&room, with_credentials).await;
        let found = findings(&ended);
        assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
        for ((level, check, says), found) in expected.iter().zip(&found) {
            assert_eq!((*level, *check), (found.0.as_str(), found.1.as_str()), "{what}");
            assert!(found.2.contains(says), "{what}: {found:?}");
        }
        let failed = found.iter().any(|it| it.0 == "error");
        assert_eq!(ended.code, Some(i32::from(failed)), "{what}: {ended:?}");
        assert_eq!(ended.stderr.contains("checks-failed"), failed, "{what}: {ended:?}");
    }
}

#[tokio::test]
async fn doctor_asks_the_authorization_server_for_its_keys() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "A".repeat(43) });
    let keys = json!({ "keys": [key] }).to_string();
    let routes = Router::new().route("/keys", get(async move || keys));
    let served = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

    let room = Room::furnished(Script::instant()).await;
    room.session(Era::Modern).await.close().await;
    let named =
        config(&room.keygen("erin").await).replace("[people.dana]", "[people.dana]\noauth_subject = \"x\"");
    let trusting = |config: &str, http: &str, path: &str| {
        let url = format!("http://{address}/{path}");
        format!(
            "{config}\n[http]\n{http}\n[http.oauth]\nissuer = \"https://id.acme.example\"\njwks_url = \"{url}\"\n"
        )
    };
    let public = "public_url = \"https://deploy.acme.example\"";
    room.write_config(&trusting(&named, public, "keys"));
    let shown = room.run(&["doctor"]).await;
    assert!(shown.stdout.contains("ok      oauth: https://id.acme.example publishes 1 keys"), "{shown:?}");
    let nobody = named.replace("oauth_subject", "emails").replace("\"x\"", "[]");
    for (text, level, says) in [
        (trusting(&named, public, "nothing"), "error", "status 404"),
        (trusting(&nobody, public, "keys"), "warning", "let nobody in"),
        (trusting(&named, "", "keys"), "warning", "which changes with it"),
    ] {
        room.write_config(&text);
        let found = findings(&examined(&room, true).await);
        assert_eq!((found.len(), found[0].0.as_str(), found[0].1.as_str()), (1, level, "oauth"), "{found:?}");
        assert!(found[0].2.contains(says), "{found:?}");
    }
    served.abort();
    let _ = served.await;
    room.write_config(&trusting(&named, public, "keys"));
    let found = findings(&examined(&room, true).await);
    assert!(found[0].0 == "error" && found[0].2.contains("does not answer"), "{found:?}");
}

#[tokio::test]
async fn doctor_tells_of_frozen_agents_and_of_the_database() {
    let room = Room::furnished(Script::instant()).await;
    let none = findings(&examined(&room, true).await);
    assert_eq!(none.len(), 1, "{none:?}");
    assert_eq!((none[0].0.as_str(), none[0].1.as_str()), ("warning", "database"));
    room.session(Era::Modern).await.close().await;
    room.run(&["freeze-agents", "--reason", "a drill"]).await.assert_done();
    let found = examined(&room, true).await;
    assert_eq!(found.code, Some(0), "{found:?}");
    let found = findings(&found);
    assert_eq!((found.len(), found[0].1.as_str()), (1, "agents-frozen"), "{found:?}");
    assert!(found[0].2.contains("by alex") && found[0].2.contains("a drill"), "{found:?}");

    let shown = room.run(&["doctor"]).await;
    assert!(shown.stdout.contains("ok      gate: prod: 1 of 1 people approve"), "{shown:?}");
    assert!(shown.stdout.contains("warning agents-frozen: "), "{shown:?}");
}

#[tokio::test]
async fn doctor_asks_the_openid_provider_about_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "A".repeat(43) });
    let keys = json!({ "keys": [key] }).to_string();
    let itself = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
    })
    .to_string();
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(async move || itself))
        .route("/keys", get(async move || keys));
    let served = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

    let room = Room::furnished(Script::instant()).await;
    room.session(Era::Modern).await.close().await;
    let config = config(&room.keygen("erin").await);
    let named = config.replace("[people.dana]", "[people.dana]\nopenid_subject = \"x\"");
    let at = |config: &str, issuer: &str| {
        format!(
            "{config}\n[http]\npublic_url = \"https://deploy.acme.example\"\n\
             [http.sign_in]\nissuer = \"{issuer}\"\nclient_id = \"deployer\"\n"
        )
    };
    room.write_config(&at(&named, &issuer));
    let shown = room.run(&["doctor"]).await;
    assert!(shown.stdout.contains(&format!("ok      sign-in: {issuer} publishes 1 keys")), "{shown:?}");
    for (text, level, says) in [
        (at(&config, &issuer), "warning", "lets nobody in"),
        (at(&named, &format!("{issuer}/")), "error", "calls itself otherwise"),
        (at(&named, &format!("{issuer}/realms/a")), "error", "status 404"),
    ] {
        room.write_config(&text);
        let found = findings(&examined(&room, true).await);
        assert_eq!(
            (found.len(), found[0].0.as_str(), found[0].1.as_str()),
            (1, level, "sign-in"),
            "{found:?}"
        );
        assert!(found[0].2.contains(says), "{found:?}");
    }
    served.abort();
    let _ = served.await;
    // The server does not wait for it.
    room.write_config(&at(&named, &issuer));
    let server = Listening::start(&room, &["--http", "127.0.0.1:0"]).await;
    assert_eq!(server.stop().await, Some(0));
    let found = findings(&examined(&room, true).await);
    assert!(found[0].0 == "error" && found[0].2.contains("does not answer"), "{found:?}");
}
