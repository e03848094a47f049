//! A Jira that fails, and what people are told of it.

use std::time::Duration;

use axum::http::Method;

use crate::fake::{FakeJira, TOKEN, What};
use crate::samples::{FIRST, issue, started};
use crate::tell;
use deployment_orchestrator::jira::{Jira, NoJira, Settings, SetupError};
use deployment_orchestrator::ports::{Extent, Messenger as _, Sight, TellError, Telling, Tracker as _};
use deployment_orchestrator::tally::{Outcome, Tally, Upstream};

/// What a call gives that `what` becomes of.
async fn failing(what: What) -> TellError {
    let jira = FakeJira::cloud().await;
    jira.next(Method::POST, "/comment", what);
    tell(&jira.client(), &started(FIRST), None).await.unwrap_err()
}

#[tokio::test]
async fn what_a_person_must_change_is_said_with_how() {
    let body =
        |message: &str| format!(r#"{{"errorMessages":["{message}"],"errors":{{"comment":"too\nlong"}}}}"#);
    for (status, body, says) in [
        (
            401,
            String::new(),
            "Jira does not accept the credentials (401): check `kind` and `email` under [jira], and whether JIRA_API_TOKEN has expired",
        ),
        (
            403,
            String::new(),
            "Jira does not let this account comment on SHOP-42 (403): give it the permission `Add Comments` in that project",
        ),
        (
            404,
            body("Gone"),
            "Jira has no SHOP-42, or does not show it to this account (404, which also means no permission): check the key, and the permission `Browse Projects`: Gone; comment: too long",
        ),
        (
            400,
            body("No"),
            "Jira did not let us comment on SHOP-42 (400): try that by hand with the same account: No; comment: too long",
        ),
        (
            413,
            String::new(),
            "SHOP-42 has as many comments or links as Jira allows (413): remove some, or link another issue",
        ),
        (302, String::new(), "Jira answered with a redirect (302): check `base_url` under [jira]"),
        (
            200,
            "<html>sign in</html>".to_owned(),
            "Jira answered with a web page instead of JSON: check `base_url` under [jira]",
        ),
    ] {
        let body = body.replace('\n', "\\n");
        let error = failing(What::Answers(status, &[], body)).await;
        assert_eq!(error, TellError::Never { message: says.to_owned() }, "{status}");
    }
}

#[tokio::test]
async fn what_passes_is_said_with_when_and_with_how_much_is_to_be_left_alone() {
    let (all, one) = (Extent::Messenger, Extent::Address);
    const FULL: &[(&str, &str)] = &[("retry-after", "7"), ("ratelimit-reason", "jira-burst-based")];
    const BUSY: &[(&str, &str)] = &[("retry-after", "5"), ("ratelimit-reason", "jira-per-issue-on-write")];
    for (status, headers, wait, extent, says) in [
        (429, FULL, Some(7), all, "Jira wants fewer requests (429)"),
        (429, BUSY, Some(5), one, "SHOP-42 is written to too often for Jira (429)"),
        (429, &[], None, all, "Jira wants fewer requests (429)"),
        (503, &[("retry-after", "9")], Some(9), all, "Jira had a server error (503)"),
        (409, &[], None, one, "SHOP-42 was changed in the same instant (409)"),
        (200, &[], None, all, "Jira answered with broken or unexpected JSON"),
    ] {
        let TellError::Later { message, after, of } =
            failing(What::Answers(status, headers, String::new())).await
        else {
            panic!("{status} passes")
        };
        assert!(message.starts_with(says), "{message}");
        assert_eq!((after, of), (wait.map(Duration::from_secs), extent), "{status}");
    }
}

#[tokio::test]
async fn a_jira_that_is_not_there_is_left_alone_as_a_whole() {
    let jira = FakeJira::cloud().await;
    let settings = Settings { base_url: "http://127.0.0.1:1".to_owned(), ..jira.settings() };
    let error =
        tell(&Jira::new(settings, &Tally::default()).unwrap(), &started(FIRST), None).await.unwrap_err();
    let TellError::Later { message, after: None, of: Extent::Messenger } = &error else {
        panic!("{error:?}")
    };
    assert!(message.starts_with("Jira could not be reached; check `base_url` under [jira]"), "{message}");
    assert!(!message.contains("127.0.0.1"), "{message}");
}

#[tokio::test]
async fn no_error_and_no_debug_output_holds_the_token() {
    let basic = "Ym90QGFjbWUuZXhhbXBsZTpBVEFUVDN4RmZHRjAtczNjcjN0LXQwa2Vu";
    let echo = format!(r#"{{"errorMessages":["Basic {basic} and {TOKEN} are wrong"]}}"#);
    for status in [400, 401, 403, 429, 500] {
        let shown = format!("{:?}", failing(What::Answers(status, &[], echo.clone())).await);
        assert!(shown.contains("Basic [redacted] and [redacted] are wrong"), "{shown}");
        assert!(!shown.contains(TOKEN) && !shown.contains(basic), "{shown}");
    }
    let jira = FakeJira::cloud().await;
    let shown = format!("{:?}", jira.settings());
    assert!(shown.contains("bot@acme.example") && !shown.contains(TOKEN), "{shown}");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_before_anything_is_sent() {
    let jira = FakeJira::cloud().await;
    let with = |base_url: &str, token: &str| {
        let token = token.to_owned().into();
        Jira::new(Settings { base_url: base_url.to_owned(), token, ..jira.settings() }, &Tally::default())
            .err()
            .unwrap()
    };
    assert!(matches!(with("acme.atlassian.net", TOKEN), SetupError::BaseUrl(_)));
    assert!(matches!(with(&jira.url, " "), SetupError::Token));
    let jira = FakeJira::data_center().await;
    let token = "two\nlines".to_owned().into();
    assert!(matches!(
        Jira::new(Settings { token, ..jira.settings() }, &Tally::default()).err().unwrap(),
        SetupError::Token
    ));
}

#[tokio::test]
async fn a_message_without_an_issue_is_nobodys() {
    let jira = FakeJira::cloud().await;
    let message = started(FIRST);
    let told = jira.client().tell(&Telling { message: &message, issue: None, thread: None }).await;
    assert!(matches!(told, Err(TellError::Never { .. })), "{told:?}");
    assert_eq!(jira.world(|world| world.calls.len()), 0);
}

#[tokio::test]
async fn an_issue_is_seen_or_not() {
    let jira = FakeJira::data_center().await;
    let client = jira.client();
    assert_eq!(client.look_at(&issue()).await, Ok(Sight::Visible));
    assert_eq!(client.look_at(&"SHOP-404".parse().unwrap()).await, Ok(Sight::Missing));
    jira.next(Method::GET, "/SHOP-42", What::Answers(401, &[], String::new()));
    assert!(matches!(client.look_at(&issue()).await, Err(TellError::Never { .. })));
    assert_eq!(NoJira.look_at(&issue()).await, Ok(Sight::NotAsked));
}

#[tokio::test]
async fn what_is_not_jira_is_counted_as_that() {
    for (status, body, outcome) in [
        (200, "<html>sign in</html>", Outcome::Unreadable),
        (409, "", Outcome::Refused),
        (429, "", Outcome::RateLimited),
        (500, "", Outcome::ServerError),
    ] {
        let (jira, tally) = (FakeJira::cloud().await, Tally::default());
        jira.next(Method::POST, "/comment", What::Answers(status, &[], body.to_owned()));
        let client = Jira::new(jira.settings(), &tally).unwrap();
        tell(&client, &started(FIRST), None).await.unwrap_err();
        let outcomes = &tally.counts().calls[&Upstream::Jira].outcomes;
        let others: u64 = outcomes.iter().filter(|(it, _)| **it != Outcome::Ok).map(|(_, count)| count).sum();
        assert_eq!((outcomes[&outcome], others), (1, 1), "{status}: {outcomes:?}");
    }
}
