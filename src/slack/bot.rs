//! A channel of Slack, written to by a bot: one thread for each deployment.
//!
//! Every message takes the same steps. What may be done twice comes first: the
//! summary is changed, and the question if there is one. Then the one post that
//! may not, the reply. So a fault in between costs nothing: all is done again,
//! and says the same. Only if the reply was posted and Slack's answer is lost, or
//! we crash before it is kept, it is there twice. Slack has no documented way to
//! post a message once (`client_msg_id` is in its errors, but not among its
//! arguments); so each post carries the notice's key as its `metadata`, by which
//! whoever reads messages by program can tell.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::SetupError;
use super::blocks::{self, Buttons, Post};
use super::client::{Client, later};
use super::thread::{AskedThere, Place};
use crate::domain::digest::Digest;
use crate::domain::id::DeploymentId;
use crate::domain::message::{Message, Severity};
use crate::domain::notice::{Notice, Topic};
use crate::ports::{Messenger, TELL_TIMEOUT, TellError, Telling, Thread};
use crate::tally::Tally;

/// What a bot is and where it writes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The API: [`API`](super::API), unless in tests.
    pub api: String,
    /// The bot's token, `xoxb-…`.
    pub token: SecretString,
    /// The channel: an id such as `C0123456`, or a name.
    pub channel: String,
    /// Whether somebody takes the answers. Without a signing secret nobody does.
    pub buttons: Buttons,
}

/// A channel of Slack, written to by a bot.
pub struct Bot {
    client: Client,
    channel: String,
    buttons: Buttons,
    /// Threads that were begun and could not be handed back, because what
    /// followed failed: the next try continues them. A crash forgets them.
    begun: Mutex<BTreeMap<DeploymentId, Begun>>,
}

/// A thread that could not be handed back.
#[derive(Clone)]
struct Begun {
    /// What was known of the thread when it was begun.
    after: Option<Thread>,
    place: Place,
}

/// At most so many begun threads are remembered.
const MOST_BEGUN: usize = 1_000;

/// The methods of Slack's Web API that are used.
const POST: &str = "chat.postMessage";
const UPDATE: &str = "chat.update";
const PERMALINK: &str = "chat.getPermalink";

impl Bot {
    /// A messenger that writes there. Calls are counted in `tally`.
    ///
    /// # Errors
    /// When the settings cannot be used. Nothing is sent.
    pub fn new(settings: Settings, tally: &Tally) -> Result<Self, SetupError> {
        let Settings { api, token, channel, buttons } = settings;
        Ok(Self { client: Client::new(&api, &token, tally)?, channel, buttons, begun: Mutex::default() })
    }

    async fn converse(&self, telling: &Telling<'_>) -> Result<Place, TellError> {
        let message = telling.message;
        let mut place = match self.known(telling) {
            Some(place) => self.summarised(message, place).await?,
            None => self.begin(message).await?,
        };
        self.remember(telling, &place);
        // That it has started, the summary says.
        if message.notice.topic != Topic::Started {
            self.revise_question(message, &mut place).await?;
            self.add(message, &mut place).await?;
        }
        self.begun().remove(&message.about.deployment);
        Ok(place)
    }

    /// Begin the thread with a summary.
    async fn begin(&self, message: &Message) -> Result<Place, TellError> {
        let mut arguments = arguments(&self.channel, blocks::summary(message));
        arguments.insert("metadata".to_owned(), metadata(&message.notice));
        let (channel, root) = self.post(arguments).await?;
        Ok(Place { channel, root, asked: None })
    }

    /// Change the summary; or begin another thread where somebody removed it.
    async fn summarised(&self, message: &Message, place: Place) -> Result<Place, TellError> {
        let post = blocks::summary(message);
        if self.change(&place.channel, &place.root, message, post).await? {
            return Ok(place);
        }
        Ok(Place { asked: place.asked, ..self.begin(message).await? })
    }

    /// Show at the question what has become of it. Once it is over, or its
    /// message removed, there is no question any more.
    async fn revise_question(&self, message: &Message, place: &mut Place) -> Result<(), TellError> {
        let Some(there) = &place.asked else { return Ok(()) };
        let post = match (&message.asked, there.is_open(message)) {
            (None, true) => return Ok(()),
            (Some(asked), true) => blocks::ask(message, asked, self.buttons),
            (_, false) => blocks::closed(message, there),
        };
        let is_there = self.change(&place.channel, &there.ts, message, post).await?;
        if !is_there || !there.is_open(message) {
            place.asked = None;
        }
        Ok(())
    }

    /// Say what happened, below the summary. Where somebody must act it is shown
    /// in the channel, too; for all else the summary there says enough.
    async fn add(&self, message: &Message, place: &mut Place) -> Result<(), TellError> {
        let asked = message.asked.as_ref().filter(|_| blocks::asks(message.notice.topic));
        let post = match (asked, &place.asked) {
            (Some(asked), None) => blocks::ask(message, asked, self.buttons),
            (Some(_), Some(there)) => {
                blocks::remind(message, self.permalink(&place.channel, &there.ts).await.as_deref())
            }
            (None, _) => blocks::reply(message),
        };
        let is_for_everybody = matches!(message.severity, Severity::Action | Severity::Critical)
            || message.notice.topic == Topic::ApprovalEscalated;
        let mut arguments = arguments(&place.channel, post);
        arguments.insert("metadata".to_owned(), metadata(&message.notice));
        arguments.insert("thread_ts".to_owned(), json!(place.root));
        arguments.insert("reply_broadcast".to_owned(), json!(is_for_everybody));
        let (_, ts) = self.post(arguments).await?;
        if let (Some(asked), None) = (asked, &place.asked) {
            place.asked = Some(AskedThere {
                ts,
                request: asked.request,
                digest: asked.digest.clone(),
                environment: asked.environment.clone(),
            });
        }
        Ok(())
    }

    /// Post; the id of the channel and the time that names the message.
    async fn post(&self, arguments: Map<String, Value>) -> Result<(String, String), TellError> {
        // `Gone` is a thread that somebody removed between two calls: the next try finds that out.
        let answer = self.client.try_call(POST, &Value::Object(arguments)).await?;
        match answer.and_then(|answer| Some((answer.channel?, answer.ts?))) {
            Some(named) => Ok(named),
            None => Err(later("Slack does not say where the message is")),
        }
    }

    /// Change a message; whether it is still there.
    async fn change(
        &self,
        channel: &str,
        ts: &str,
        message: &Message,
        post: Post,
    ) -> Result<bool, TellError> {
        let mut arguments = arguments(channel, post);
        arguments.insert("metadata".to_owned(), metadata(&message.notice));
        arguments.insert("ts".to_owned(), json!(ts));
        Ok(self.client.try_call(UPDATE, &Value::Object(arguments)).await?.is_some())
    }

    /// The address of a message. A reminder stands in the question's thread, and can do without.
    async fn permalink(&self, channel: &str, ts: &str) -> Option<String> {
        let arguments = json!({ "channel": channel, "message_ts": ts });
        self.client.try_call(PERMALINK, &arguments).await.ok()??.permalink
    }

    /// Where the messages about the deployment are: what a try before this one
    /// has begun, unless somebody else has told more since.
    fn known(&self, telling: &Telling<'_>) -> Option<Place> {
        let begun = self.begun().get(&telling.message.about.deployment).cloned();
        let begun = begun.filter(|begun| begun.after.as_ref() == telling.thread);
        begun.map(|begun| begun.place).or_else(|| telling.thread.and_then(Place::read))
    }

    fn remember(&self, telling: &Telling<'_>, place: &Place) {
        let mut begun = self.begun();
        if begun.len() >= MOST_BEGUN {
            begun.clear();
        }
        let news = Begun { after: telling.thread.cloned(), place: place.clone() };
        begun.insert(telling.message.about.deployment.clone(), news);
    }

    fn begun(&self) -> MutexGuard<'_, BTreeMap<DeploymentId, Begun>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Messenger for Bot {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        match tokio::time::timeout(TELL_TIMEOUT, self.converse(telling)).await {
            Ok(place) => Ok(Some(place?.to_thread())),
            Err(_) => Err(later("Slack did not answer in time")),
        }
    }

    async fn tell_together(&self, digest: &Digest) -> Result<(), TellError> {
        let mut arguments = arguments(&self.channel, blocks::digest(digest));
        arguments.insert("metadata".to_owned(), event("deployment_digest", &json!({ "key": digest.key })));
        self.post(arguments).await.map(drop)
    }
}

/// A post as both methods take it.
fn arguments(channel: &str, post: Post) -> Map<String, Value> {
    let Value::Object(mut arguments) = post.into_json() else { return Map::new() };
    arguments.insert("channel".to_owned(), json!(channel));
    arguments
}

/// By which a program that reads messages tells one that is there twice.
fn metadata(notice: &Notice) -> Value {
    let Notice { key, deployment, topic, .. } = notice;
    event("deployment_notice", &json!({ "key": key, "deployment": deployment, "topic": topic }))
}

fn event(kind: &str, payload: &Value) -> Value {
    json!({ "event_type": kind, "event_payload": payload })
}
