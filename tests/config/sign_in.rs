//! Signing in elsewhere: a provider that could be somebody else, or to which nobody comes back,
//! must be an error at start.

use super::{assert_refused, load};

const PUBLIC: &str = "[http]\npublic_url = \"https://deploy.acme.example\"";

/// A provider that is as `rules` say, at a server that is reached as `http` says.
fn provider(http: &str, rules: &str) -> String {
    format!("{http}\n[http.sign_in]\nclient_id = \"deployer\"\n{rules}")
}

#[test]
fn a_provider_is_named_safely_and_people_come_back_safely() {
    let good = "issuer = \"https://id.acme.example\"";
    for text in [
        provider(PUBLIC, good),
        provider(
            "[http]\npublic_url = \"http://localhost:8080\"",
            "issuer = \"http://127.0.0.1:9000/realms/a\"",
        ),
        provider(PUBLIC, &format!("{good}\nscopes = [\"openid\", \"email\"]\nclaim = \"email\"")),
    ] {
        load(&text).unwrap();
    }
    let own = "client_id = \" \"\nissuer = \"https://id.acme.example\"";
    assert_refused([
        (
            provider(PUBLIC, "issuer = \"http://id.acme.example\""),
            "`issuer` under [http.sign_in] is not safe",
        ),
        (provider(PUBLIC, "issuer = \"https://id.acme.example/?a=b\""), "`issuer` under [http.sign_in]"),
        (provider("[http]", good), "needs `public_url`"),
        (provider("[http]\npublic_url = \"http://deploy.acme.example\"", good), "has no TLS"),
        (provider(PUBLIC, &format!("{good}\nscopes = [\"email\"]")), "lacks \"openid\""),
        (provider(PUBLIC, &format!("{good}\nscopes = [\"openid email\"]")), "is no scope"),
        (provider(PUBLIC, &format!("{good}\nclaim = \"\"")), "are not blank"),
        (format!("{PUBLIC}\n[http.sign_in]\n{own}"), "are not blank"),
        (provider(PUBLIC, &format!("{good}\nclient_secret = \"x\"")), "unknown field `client_secret`"),
        ("[people.dana]\nopenid_subject = \"\"".to_owned(), "the openid_subject of `dana` is empty"),
        (
            "[people.dana]\nopenid_subject = \"x\"\n[people.erin]\nopenid_subject = \"x\"".to_owned(),
            "the openid_subject of both `dana` and `erin`",
        ),
    ]);
}

#[test]
fn what_one_provider_calls_somebody_is_not_what_another_does() {
    let policy = load("[people.dana]\noauth_subject = \"a\"\nopenid_subject = \"o\"").unwrap();
    let name =
        |found: Option<&deployment_orchestrator::domain::id::PrincipalName>| found.map(ToString::to_string);
    assert_eq!(name(policy.person_with_openid_subject("o")).as_deref(), Some("dana"));
    assert_eq!(name(policy.person_with_subject("a")).as_deref(), Some("dana"));
    assert_eq!(name(policy.person_with_openid_subject("a")), None);
    assert_eq!(name(policy.person_with_subject("o")), None);
}
