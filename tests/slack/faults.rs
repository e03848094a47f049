//! What Slack says when it does not do what it is asked for.

use std::time::Duration;

use deployment_orchestrator::ports::{Extent, TellError};
use deployment_orchestrator::slack::{Bot, Buttons, Hook, HookSettings, Settings};
use deployment_orchestrator::tally::{Outcome, Tally, Upstream};

use crate::conversation::tell;
use crate::fake::{Next, Slack, TOKEN};
use crate::samples;

async fn refused(next: Next) -> TellError {
    let slack = Slack::start().await;
    slack.next([next]);
    let error = tell(&slack.bot(Buttons::Shown), &samples::started(), &mut None).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(!told.contains("s3cr3t") && !told.contains("127.0.0.1") && !told.contains("html"), "{told}");
    assert!(slack.messages().is_empty(), "{told}");
    error
}

#[tokio::test]
async fn what_a_person_must_change_is_never_told_and_says_what_it_is() {
    for (word, remedy) in [
        ("not_in_channel", "/invite"),
        ("channel_not_found", "C0123456"),
        ("is_archived", "unarchive"),
        ("invalid_auth", "SLACK_BOT_TOKEN"),
        ("token_revoked", "SLACK_BOT_TOKEN"),
        ("missing_scope", "chat:write"),
        ("restricted_action", "settings"),
        ("msg_too_long", "report it"),
        ("invalid_blocks", "report it"),
    ] {
        let error = refused(Next::Word(word)).await;
        let TellError::Never { message } = &error else { panic!("{word}: {error:?}") };
        assert!(message.contains(word) && message.contains(remedy), "{message}");
    }
    for status in [302, 401, 404] {
        assert!(matches!(refused(Next::Status(status, 0)).await, TellError::Never { .. }), "{status}");
    }
}

#[tokio::test]
async fn what_may_pass_is_told_later_and_no_sooner_than_slack_says() {
    let later = |message: &str, after: Option<u64>, of| TellError::Later {
        message: message.to_owned(),
        after: after.map(Duration::from_secs),
        of,
    };
    let fewer = "Slack wants fewer messages";
    for (next, expected) in [
        (Next::Status(429, 7), later(fewer, Some(7), Extent::Messenger)),
        (Next::Status(429, 0), later(fewer, Some(30), Extent::Messenger)),
        (Next::Word("ratelimited"), later(fewer, Some(30), Extent::Messenger)),
        (
            Next::Status(503, 9),
            later("Slack does not take the message now (503)", Some(9), Extent::Messenger),
        ),
        (Next::Word("fatal_error"), later("Slack did not take it: fatal_error", None, Extent::Address)),
        (Next::Word("on_strike"), later("Slack did not take it: on_strike", None, Extent::Address)),
        (
            Next::Word("xoxb-2345-s3cr3t"),
            later("Slack did not take it: a word that no error is", None, Extent::Address),
        ),
        (
            Next::Status(200, 0),
            later(
                "something answers in Slack's place that does not speak its language",
                None,
                Extent::Messenger,
            ),
        ),
    ] {
        assert_eq!(refused(next).await, expected);
    }
}

#[tokio::test]
async fn what_slack_says_in_the_body_is_what_a_call_came_to() {
    for (next, outcome) in [
        (None, Outcome::Ok),
        (Some(Next::Word("ratelimited")), Outcome::RateLimited),
        (Some(Next::Word("not_in_channel")), Outcome::Refused),
        (Some(Next::Word("fatal_error")), Outcome::Refused),
        (Some(Next::Status(200, 0)), Outcome::Unreadable),
        (Some(Next::Status(503, 9)), Outcome::ServerError),
    ] {
        let (slack, tally) = (Slack::start().await, Tally::default());
        slack.next(next);
        let _ = tell(&slack.counted_bot(Buttons::Shown, &tally), &samples::started(), &mut None).await;
        let outcomes = &tally.counts().calls[&Upstream::Slack].outcomes;
        assert!(outcomes[&outcome] > 0, "{outcome:?}: {outcomes:?}");
        assert!(
            outcomes.iter().all(|(it, count)| *it == outcome || *count == 0),
            "{outcome:?}: {outcomes:?}"
        );
    }
}

#[tokio::test]
async fn nobody_answers() {
    let settings = Settings {
        api: "http://127.0.0.1:1/api".to_owned(),
        token: TOKEN.to_owned().into(),
        channel: "C1".to_owned(),
        buttons: Buttons::Shown,
    };
    let shown = format!("{settings:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
    let error = tell(&Bot::new(settings, &Tally::default()).unwrap(), &samples::started(), &mut None)
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("Slack could not be reached: "), "{error}");
}

#[test]
fn a_secret_is_sent_over_tls_or_stays_on_the_machine() {
    let made = |api: &str, token: &str| {
        let (api, token) = (api.to_owned(), token.to_owned().into());
        Bot::new(
            Settings { api, token, channel: "C1".to_owned(), buttons: Buttons::Absent },
            &Tally::default(),
        )
    };
    for good in
        ["https://slack.com/api", "http://127.0.0.1:8080/api", "http://localhost/api", "http://[::1]:1/"]
    {
        assert!(made(good, TOKEN).is_ok(), "{good}");
    }
    for bad in
        ["http://slack.com/api", "ftp://slack.com", "slack.com/api", "", "http://localhost.evil.example/"]
    {
        let error = made(bad, TOKEN).err().unwrap().to_string();
        assert!(error.contains("https"), "{bad}: {error}");
        let hook = Hook::new(&HookSettings { url: format!("{bad}?s3cr3t").into() }, &Tally::default())
            .err()
            .unwrap();
        assert!(!format!("{hook} {hook:?}").contains("s3cr3t"));
    }
    for token in ["", " ", "xoxb\n-s3cr3t"] {
        let error = made("https://slack.com/api", token).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
    }
}
