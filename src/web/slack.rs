//! `/webhooks/slack`: somebody pressed a button under a question.
//!
//! Slack signs what it sends, over the exact bytes and the time; nothing is read
//! before that is checked. Who pressed is Slack's word, who that is says the config,
//! and whether they may decide, and still can, the use cases judge, as for
//! every other way to decide. Slack waits three seconds, so the decision comes
//! first and what the person is told afterwards.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use secrecy::SecretString;
use tokio::sync::oneshot;

use super::pace::Pace;
use crate::app::{Answer, App, Error};
use crate::domain::decision::Verdict;
use crate::slack::Answers;
use crate::slack::interaction::{self, Press};
use crate::slack::signature::{self, Refused, SIGNATURE_HEADER, TIMESTAMP_HEADER};

/// What answers from Slack are taken with.
pub struct SlackButtons {
    /// What Slack signs with.
    pub signing_secret: SecretString,
    /// The way back to whoever pressed.
    pub answers: Answers,
}

/// How long Slack waits for a decision: it shows a fault after three seconds. A
/// decision that takes longer is made all the same.
const DECISION_TIME: Duration = Duration::from_secs(2);

/// So many presses are taken in a second, in the long run: more than people press.
const PRESSES_PER_SECOND: u32 = 20;

/// The name of the guard that an answer to an older question does not pass.
const FOR_THIS_REQUEST: &str = "decision-is-for-this-request";

/// The door for presses.
pub(super) struct Door {
    app: App,
    buttons: SlackButtons,
    pace: Pace<()>,
}

impl Door {
    pub(super) fn new(app: App, buttons: SlackButtons) -> Self {
        Self { app, buttons, pace: Pace::new(PRESSES_PER_SECOND) }
    }

    fn examine(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let said = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (sent, signed) = (said(TIMESTAMP_HEADER), said(SIGNATURE_HEADER));
        signature::verify(&self.buttons.signing_secret, sent, signed, body, self.app.clock.now())
    }

    /// Decide as the person said, if it counts; what to say to them.
    async fn decide(&self, press: &Press) -> String {
        let answer = Answer {
            deployment_id: press.question.deployment.to_string(),
            request: press.question.request,
            digest: press.question.digest.to_string(),
            verdict: press.verdict,
            reason: None,
        };
        let decided = match self.app.policy.person_in_slack(&press.team, &press.user) {
            Some(person) => self.app.press(&answer, person).await,
            None => self.app.turn_away(&answer, &press.team, &press.user).await,
        };
        match (decided, press.verdict) {
            (Ok(()), Verdict::Reject) => "Your rejection is recorded.".to_owned(),
            (Ok(()), _) => "Your approval is recorded.".to_owned(),
            (Err(error), _) => refusal(&error, &answer),
        }
    }
}

/// Take a press. Whatever is decided, Slack is told that it came.
pub(super) async fn pressed(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = door.examine(&headers, &body) {
        return (StatusCode::UNAUTHORIZED, format!("{refused}\n")).into_response();
    }
    if door.pace.take(&()).is_err() {
        return (StatusCode::TOO_MANY_REQUESTS, "too many presses\n").into_response();
    }
    let press = match interaction::read(&body) {
        Ok(Some(press)) => press,
        Ok(None) => return StatusCode::OK.into_response(),
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let (done, decided) = oneshot::channel();
    // By itself, so that a connection that ends does not end a decision half way.
    tokio::spawn(async move {
        let text = door.decide(&press).await;
        let _ = done.send(());
        answer(&door.buttons.answers, &press, &text).await;
    });
    let _ = tokio::time::timeout(DECISION_TIME, decided).await;
    StatusCode::OK.into_response()
}

/// Nothing depends on it: the decision is made, and is told to everybody in the thread.
async fn answer(answers: &Answers, press: &Press, text: &str) {
    let Some(url) = &press.response_url else { return };
    if let Err(error) = answers.say(url, text).await {
        let deployment = &press.question.deployment;
        tracing::warn!(%error, %deployment, "whoever pressed a button was not told what came of it");
    }
}

/// Why an answer does not count, in one sentence.
fn refusal(error: &Error, answer: &Answer) -> String {
    match error.guards.iter().find(|guard| !guard.holds) {
        Some(guard) if guard.name == FOR_THIS_REQUEST => format!(
            "Nothing is decided: this button belongs to question {}, and another is asked by now; look for it in the thread.",
            answer.request
        ),
        Some(guard) => {
            format!(
                "Nothing is decided: {} ({}); it counts when {}.",
                guard.saw, guard.name, guard.opens_when
            )
        }
        None => format!("Nothing is decided: {}; {}.", error.message, error.hint),
    }
}
