//! Webhooks, as a receiver sees them who trusts nobody.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment_orchestrator::clock::Clock;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::ports::Messenger as _;
use deployment_orchestrator::tally::{Outcome, Tally, Upstream};
use deployment_orchestrator::teams::{self, Teams};
use deployment_orchestrator::webhook::{Settings, Webhook, digest_event, event};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::receiver::{self, Received, Receiver, Says};
use super::{HASTY, PATIENT, digest, kept, later, never, samples, told};

/// `whsec_` and 32 bytes.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Where a receiver is; the last part lets anybody post.
const PATH: &str = "/hooks/S3cr3t-S3cr3t-S3cr3t";

/// A clock that stands.
struct At(i64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp(self.0)
    }
}

fn webhook(url: &str, timeout: Duration, now: i64) -> Webhook {
    let settings = Settings { address: url.parse().unwrap(), secret: SECRET.parse().unwrap(), timeout };
    Webhook::new(settings, Arc::new(At(now)), &Tally::default()).unwrap()
}

/// HMAC-SHA256 by its definition (RFC 2104), so that nothing of ours judges itself.
fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// What a receiver computes for a request.
fn expected(received: &Received) -> String {
    let header = |name: &str| received.headers[name].to_str().unwrap();
    let signed = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), received.body);
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    format!("v1,{}", STANDARD.encode(hmac(&key, &signed)))
}

#[tokio::test]
async fn each_messenger_is_counted_under_its_own_name() {
    let (tally, receiver) = (Tally::default(), Receiver::saying(Says::status(200)).await);
    let settings = Settings {
        address: receiver.url(PATH).parse().unwrap(),
        secret: SECRET.parse().unwrap(),
        timeout: PATIENT,
    };
    let teams = teams::Settings { address: settings.address.clone(), timeout: PATIENT };
    told(&Webhook::new(settings, Arc::new(At(0)), &tally).unwrap(), &samples::started()).await.unwrap();
    told(&Teams::new(teams, &tally).unwrap(), &samples::started()).await.unwrap();
    let calls = tally.counts().calls;
    let well: Vec<_> = calls.iter().map(|(upstream, it)| (*upstream, it.outcomes[&Outcome::Ok])).collect();
    assert_eq!(well, [(Upstream::Teams, 1), (Upstream::Webhook, 1)]);
}

#[test]
fn every_message_is_an_event() {
    for (name, message) in kept() {
        insta::assert_json_snapshot!(format!("event_{name}"), event(&message));
    }
}

#[tokio::test]
async fn a_receiver_can_tell_that_it_is_ours_and_knows_it_again() {
    let mut hook = Receiver::saying(Says::status(204)).await;
    let message = samples::hostile();
    for (now, seconds) in [(1_795_597_200_999, "1795597200"), (1_795_597_260_000, "1795597260")] {
        assert_eq!(told(&webhook(&hook.url(PATH), PATIENT, now), &message).await, Ok(None));
        let received = hook.next().await;
        assert_eq!(received.headers["webhook-signature"], expected(&received));
        assert_eq!(received.headers["webhook-timestamp"], seconds);
        assert_eq!(received.headers["webhook-id"], message.notice.key);
        assert_eq!(received.headers["content-type"], "application/json");
        let body: Value = serde_json::from_str(&received.body).unwrap();
        assert_eq!(body, event(&message));
    }
}

#[tokio::test]
async fn many_messages_are_one_event() {
    let mut hook = Receiver::saying(Says::status(200)).await;
    let digest = digest();
    assert_eq!(webhook(&hook.url(PATH), PATIENT, 0).tell_together(&digest).await, Ok(()));
    let received = hook.next().await;
    assert_eq!(received.headers["webhook-signature"], expected(&received));
    assert_eq!(received.headers["webhook-id"], digest.key);
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(
        (&body["type"], body["data"]["notices"].as_array().unwrap().len()),
        (&"deployment.digest".into(), digest.notices.len())
    );
}

#[tokio::test]
async fn no_id_moves_a_signature_to_another_text() {
    let mut hook = Receiver::saying(Says::status(200)).await;
    let mut message = samples::started();
    message.notice.key = "dep.1\r\nx: y".to_owned();
    told(&webhook(&hook.url(PATH), PATIENT, 0), &message).await.unwrap();
    let received = hook.next().await;
    let id = received.headers["webhook-id"].to_str().unwrap();
    assert!(id.len() == 64 && id.bytes().all(|it| it.is_ascii_hexdigit()), "{id}");
    assert_eq!(received.headers["webhook-signature"], expected(&received));
}

#[tokio::test]
async fn whoever_is_gone_or_has_moved_is_told_no_more_and_others_are_tried_again() {
    for (status, remedy) in [(410, "take the channel out of the config"), (301, "name the other address")] {
        let mut other = Receiver::saying(Says::status(200)).await;
        let hook = Receiver::saying(Says::status(status).with("location", &other.url("/"))).await;
        let said = never(told(&webhook(&hook.url(PATH), PATIENT, 0), &samples::started()).await);
        assert!(said.contains(&format!("({status})")) && said.contains(remedy), "{said}");
        assert!(other.heard_nothing(), "a redirect is not followed");
    }
    for status in [400, 401, 404, 408, 422, 429, 500, 502, 503, 504] {
        let hook = Receiver::saying(Says::status(status).with("retry-after", "40")).await;
        let (said, after) = later(told(&webhook(&hook.url(PATH), PATIENT, 0), &samples::started()).await);
        assert!(said.contains(&format!("({status})")), "{said}");
        assert_eq!(after, Some(40));
    }
}

#[tokio::test]
async fn the_address_and_the_secret_are_said_nowhere() {
    let settings = Settings {
        address: format!("https://acme.example{PATH}").parse().unwrap(),
        secret: SECRET.parse().unwrap(),
        timeout: PATIENT,
    };
    let mut said = vec![format!("{settings:?}")];
    let hook = Receiver::saying(Says { body: "nothing at ", ..Says::status(404) }).await;
    for (url, timeout, expected) in [
        (hook.url(PATH), PATIENT, "404: nothing at /hooks/[redacted]"),
        (receiver::closed(PATH), PATIENT, "could not be reached: "),
        (receiver::hanging_up(PATH).await, PATIENT, "broke: "),
        (receiver::silent(PATH).await, HASTY, "did not answer in time"),
    ] {
        let error = told(&webhook(&url, timeout, 0), &samples::started()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        said.push(format!("{error} {error:?}"));
    }
    for said in said {
        assert!(!said.contains("S3cr3t") && !said.contains("MDEy") && !said.contains("0123456789"), "{said}");
    }
}

/// docs/webhooks.md, where its tables list every field, and its first example is one.
#[test]
fn the_page_for_receivers_is_true() {
    let page = include_str!("../../docs/webhooks.md");
    let page = page.split("\n## Incidents that we are told of\n").next().unwrap();
    let example = page.split("```json\n").nth(1).and_then(|it| it.split("```").next()).expect("an example");
    let example: Value = serde_json::from_str(example).unwrap();
    assert_eq!(example, event(&samples::approval_requested()));

    for topic in Topic::ALL {
        assert!(page.contains(&format!("`{}`", topic.as_str())), "{}", topic.as_str());
    }

    let mut documented: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect();
    documented.sort();
    let mut sent = Vec::new();
    for (_, message) in samples::all() {
        fields("", &event(&message), &mut sent);
    }
    fields("", &digest_event(&digest()), &mut sent);
    sent.sort();
    sent.dedup();
    assert_eq!(documented, sent);
}

/// The paths of all values that are no objects: `data.approval.commits[].sha`.
fn fields(path: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields(&path, value, into);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().for_each(|value| fields(&format!("{path}[]"), value, into));
        }
        // Where no approval is asked for, or nothing is replaced.
        Value::Null if path.ends_with(".approval") || path.ends_with(".replaces") => {}
        // Where nothing is known, as in `evidence`, no field shows.
        _ => into.push(path.to_owned()),
    }
}
