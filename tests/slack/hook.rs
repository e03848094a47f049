//! An incoming webhook: it takes posts, and says `ok` or why not.

use std::time::Duration;

use deployment_orchestrator::ports::{Messenger, TellError, Telling};
use deployment_orchestrator::slack::HookSettings;

use crate::fake::{Next, SECRET_PATH, Slack};
use crate::samples;

#[tokio::test]
async fn each_message_stands_for_itself_and_has_nothing_to_press() {
    let slack = Slack::start().await;
    let hook = slack.hook();
    for (name, message) in samples::all() {
        let kept = hook.tell(&Telling { message: &message, issue: None, thread: None }).await.unwrap();
        assert!(kept.is_none(), "{name}");
        let post = slack.messages().pop().unwrap().now;
        let shown = post["blocks"].to_string();
        assert!(!shown.contains("\"actions\"") && shown.contains("checkout"), "{name}: {shown}");
        assert!(post.get("channel").is_none() && !post["text"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn its_address_is_a_secret_whatever_goes_wrong() {
    let slack = Slack::start().await;
    let hook = slack.hook();
    for (next, expected) in [
        (Next::Status(429, 3), Some(Duration::from_secs(3))),
        (Next::Status(500, 0), None),
        (Next::Status(404, 0), None),
        (Next::Status(302, 0), None),
    ] {
        slack.next([next.clone()]);
        let message = samples::started();
        let error = hook.tell(&Telling { message: &message, issue: None, thread: None }).await.unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(!told.contains("pAsSwOrD") && !told.contains("127.0.0.1"), "{told}");
        match error {
            TellError::Later { after, .. } => assert_eq!(after, expected, "{next:?}"),
            TellError::Never { .. } => assert!(matches!(next, Next::Status(302 | 404, _)), "{next:?}"),
        }
    }
    let shown = format!("{:?}", HookSettings { url: SECRET_PATH.to_owned().into() });
    assert!(!shown.contains("pAsSwOrD"), "{shown}");
}
