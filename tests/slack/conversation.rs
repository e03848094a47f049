//! One deployment, told from its beginning to its end.

use deployment_orchestrator::domain::digest::Digest;
use deployment_orchestrator::domain::message::Message;
use deployment_orchestrator::domain::notice::{Notice, Topic};
use deployment_orchestrator::ports::{Messenger, TellError, Telling, Thread};
use deployment_orchestrator::slack::{Bot, Buttons};
use serde_json::{Value, json};

use crate::fake::{CHANNEL, Kept, Next, Slack};
use crate::samples;

/// Tell, and keep the thread as whoever tells does.
pub(crate) async fn tell(bot: &Bot, message: &Message, thread: &mut Option<Thread>) -> Result<(), TellError> {
    let telling = Telling { message, issue: None, thread: thread.as_ref() };
    if let Some(kept) = bot.tell(&telling).await? {
        *thread = Some(kept);
    }
    Ok(())
}

async fn told(bot: &Bot, messages: &[Message], thread: &mut Option<Thread>) {
    for message in messages {
        tell(bot, message, thread).await.unwrap();
    }
}

/// The buttons of a message, by their `action_id`.
fn buttons(kept: &Kept) -> Vec<&str> {
    let blocks = kept.now["blocks"].as_array().unwrap();
    let actions = blocks.iter().filter(|block| block["type"] == "actions");
    actions
        .flat_map(|block| block["elements"].as_array().unwrap())
        .map(|button| button["action_id"].as_str().unwrap())
        .collect()
}

fn says(kept: &Kept, text: &str) -> bool {
    kept.now["blocks"].to_string().contains(text)
}

#[tokio::test]
async fn a_deployment_has_one_thread_and_one_set_of_buttons() {
    let slack = Slack::start().await;
    let bot = slack.bot(Buttons::Shown);
    let mut thread = None;

    tell(&bot, &samples::started(), &mut thread).await.unwrap();
    let [root] = slack.messages().try_into().unwrap();
    assert_eq!(root.now["channel"], "releases");
    assert!(
        root.now.get("thread_ts").is_none() && says(&root, "validating") && says(&root, "deployment started")
    );

    tell(&bot, &samples::approval_requested(), &mut thread).await.unwrap();
    let [root, question] = slack.messages().try_into().unwrap();
    assert!(says(&root, "awaiting-approval") && !says(&root, "validating"), "the summary goes along");
    assert_eq!(
        (&question.now["thread_ts"], &question.now["reply_broadcast"]),
        (&json!(root.ts), &json!(true))
    );
    assert_eq!(buttons(&question), ["approve", "reject"]);
    let value = format!("{}:1:{}", samples::id(), samples::DIGEST);
    assert_eq!(question.now["blocks"].to_string().matches(&value).count(), 2);
    let kept: Value = serde_json::from_str(&thread.as_ref().unwrap().0).unwrap();
    let asked = json!({ "ts": question.ts, "request": 1, "digest": samples::DIGEST, "environment": "prod" });
    assert_eq!(kept, json!({ "channel": CHANNEL, "root": root.ts, "asked": asked }));

    tell(&bot, &samples::reminder(), &mut thread).await.unwrap();
    let [_, question, reminder] = slack.messages().try_into().unwrap();
    assert!(buttons(&reminder).is_empty() && says(&reminder, &question.ts.replace('.', "")), "{reminder:?}");
    assert!(says(&question, "so far alan"), "who has approved meanwhile is shown");
    assert_eq!(buttons(&question), ["approve", "reject"]);

    tell(&bot, &samples::decided(), &mut thread).await.unwrap();
    let [_, question, _, decided] = slack.messages().try_into().unwrap();
    assert!(buttons(&question).is_empty() && says(&question, "grace approved prod"), "{question:?}");
    assert!(!question.now["text"].as_str().unwrap().contains("approval needed"));
    assert_eq!(decided.now["reply_broadcast"], false);

    tell(&bot, &samples::completed(), &mut thread).await.unwrap();
    let [root, _, _, _, completed] = slack.messages().try_into().unwrap();
    assert!(says(&root, "`completed`") && says(&completed, "completed on prod"));
    let key = &completed.now["metadata"]["event_payload"]["key"];
    assert_eq!(*key, json!(samples::completed().notice.key));
}

#[tokio::test]
async fn a_question_that_is_taken_back_or_replaced_cannot_be_answered() {
    let slack = Slack::start().await;
    let bot = slack.bot(Buttons::Shown);
    let mut thread = None;
    told(&bot, &[samples::started(), samples::approval_requested(), samples::withdrawn()], &mut thread).await;
    let [_, first, _] = slack.messages().try_into().unwrap();
    assert!(buttons(&first).is_empty() && says(&first, "a fix comes first"));

    let mut again = samples::approval_requested();
    again.asked.as_mut().unwrap().request = 2;
    tell(&bot, &again, &mut thread).await.unwrap();
    let [_, _, _, second] = slack.messages().try_into().unwrap();
    assert!(says(&second, &format!("{}:2:", samples::id())));

    // The third is asked before anybody says what became of the second.
    again.asked.as_mut().unwrap().request = 3;
    tell(&bot, &again, &mut thread).await.unwrap();
    let all = slack.messages();
    let pressable: Vec<_> = all.iter().filter(|kept| !buttons(kept).is_empty()).collect();
    assert!(matches!(pressable[..], [third] if says(third, &format!("{}:3:", samples::id()))));
}

#[tokio::test]
async fn news_of_something_else_leaves_the_question_open_while_it_waits() {
    let slack = Slack::start().await;
    let bot = slack.bot(Buttons::Shown);
    let mut thread = None;
    let mut held = samples::withdrawn();
    held.notice.topic = Topic::NeedsHuman;
    told(&bot, &[samples::approval_requested(), held], &mut thread).await;
    assert_eq!(buttons(&slack.messages()[1]), ["approve", "reject"]);
    tell(&bot, &samples::failed(), &mut thread).await.unwrap();
    assert!(buttons(&slack.messages()[1]).is_empty(), "it waits no more");
}

#[tokio::test]
async fn buttons_are_shown_only_where_an_answer_counts_and_arrives() {
    let slack = Slack::start().await;
    let mut elsewhere = samples::approval_requested();
    let asked = elsewhere.asked.as_mut().unwrap();
    asked.accepts.retain(|it| it.as_str() != "slack");
    asked.page = None;
    for (shown, message) in [(Buttons::Absent, samples::approval_requested()), (Buttons::Shown, elsewhere)] {
        tell(&slack.bot(shown), &message, &mut None).await.unwrap();
        let question = slack.messages().pop().unwrap();
        assert!(buttons(&question).is_empty());
        assert!(says(&question, &format!("deployment-orchestrator approve {}", samples::id())));
    }
}

#[tokio::test]
async fn what_was_removed_is_posted_anew() {
    let slack = Slack::start().await;
    let bot = slack.bot(Buttons::Shown);
    let mut thread = None;
    told(&bot, &[samples::started(), samples::approval_requested()], &mut thread).await;
    let question = slack.messages()[1].ts.clone();
    slack.remove(&question);
    tell(&bot, &samples::reminder(), &mut thread).await.unwrap();
    let [root, asked_again] = slack.messages().try_into().unwrap();
    assert_eq!(buttons(&asked_again), ["approve", "reject"], "a question that nobody sees is asked again");
    slack.remove(&root.ts);
    tell(&bot, &samples::decided(), &mut thread).await.unwrap();
    let [question, root, decided] = slack.messages().try_into().unwrap();
    assert!(buttons(&question).is_empty(), "it is closed wherever it stands");
    assert!(root.now.get("thread_ts").is_none());
    assert_eq!(decided.now["thread_ts"], json!(root.ts));
}

#[tokio::test]
async fn a_fault_between_two_calls_makes_nothing_twice() {
    let slack = Slack::start().await;
    let bot = slack.bot(Buttons::Shown);
    let mut thread = None;
    // The summary is posted, and the question is not.
    slack.next([Next::Done, Next::Status(503, 0)]);
    tell(&bot, &samples::approval_requested(), &mut thread).await.unwrap_err();
    assert!(thread.is_none() && slack.messages().len() == 1);
    tell(&bot, &samples::approval_requested(), &mut thread).await.unwrap();
    assert_eq!(slack.messages().len(), 2);
    // Summary and question are changed, and the reply is not posted.
    slack.next([Next::Done, Next::Done, Next::Word("internal_error")]);
    tell(&bot, &samples::decided(), &mut thread).await.unwrap_err();
    assert!(buttons(&slack.messages()[1]).is_empty());
    tell(&bot, &samples::decided(), &mut thread).await.unwrap();
    assert_eq!(slack.messages().len(), 3);
    slack.calls();
    tell(&bot, &samples::completed(), &mut thread).await.unwrap();
    assert_eq!(slack.calls(), ["chat.update", "chat.postMessage"], "the question is over");
}

#[tokio::test]
async fn what_another_server_has_told_meanwhile_is_taken_up_as_it_is() {
    let slack = Slack::start().await;
    let (ours, others) = (slack.bot(Buttons::Shown), slack.bot(Buttons::Shown));
    slack.next([Next::Done, Next::Status(503, 0)]);
    tell(&ours, &samples::approval_requested(), &mut None).await.unwrap_err();
    let mut thread = None;
    tell(&others, &samples::approval_requested(), &mut thread).await.unwrap();
    tell(&ours, &samples::decided(), &mut thread).await.unwrap();
    let [_, root, question, decided] = slack.messages().try_into().unwrap();
    assert!(buttons(&question).is_empty(), "nobody answers a question that was decided");
    assert_eq!(decided.now["thread_ts"], json!(root.ts));
}

#[tokio::test]
async fn a_lost_answer_is_told_again_with_the_same_key() {
    let slack = Slack::start().await;
    let bot = slack.bot(Buttons::Shown);
    let mut thread = None;
    tell(&bot, &samples::started(), &mut thread).await.unwrap();
    slack.next([Next::Done, Next::Lost]);
    let failed = tell(&bot, &samples::failed(), &mut thread).await.unwrap_err();
    assert!(matches!(failed, TellError::Later { .. }), "{failed:?}");
    tell(&bot, &samples::failed(), &mut thread).await.unwrap();
    let [_, first, second] = slack.messages().try_into().unwrap();
    assert_eq!(first.now, second.now, "twice, and whoever counts by the key counts one");
    assert_eq!(first.now["reply_broadcast"], true, "somebody must look");
}

#[tokio::test]
async fn what_is_told_together_is_one_post_beside_the_threads() {
    let slack = Slack::start().await;
    let digest = Digest::of(vec![samples::started().notice, samples::completed().notice]).unwrap();
    slack.bot(Buttons::Shown).tell_together(&digest).await.unwrap();
    slack.hook().tell_together(&digest).await.unwrap();
    let [by_bot, by_hook] = slack.messages().try_into().unwrap();
    assert_eq!((&by_bot.now["channel"], by_bot.now.get("thread_ts")), (&json!("releases"), None));
    assert_eq!(by_bot.now["metadata"]["event_payload"]["key"], digest.key);
    assert_eq!(by_bot.now["blocks"], by_hook.now["blocks"]);
    assert!(says(&by_bot, "2 messages about 1 deployment") && says(&by_bot, "completed on prod"));
}

#[tokio::test]
async fn a_thread_that_nobody_can_read_is_begun_anew() {
    let slack = Slack::start().await;
    let mut thread = Some(Thread("{\"comment\": 7}".to_owned()));
    let mut message = samples::failed();
    message.earlier = vec![Notice { ..samples::started().notice }];
    tell(&slack.bot(Buttons::Shown), &message, &mut thread).await.unwrap();
    assert_eq!(slack.messages().len(), 2);
    assert!(thread.unwrap().0.contains(CHANNEL));
}
