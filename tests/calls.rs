//! What calls of others come to, and that each is counted once: a client over real HTTP, against
//! a server that answers as nobody should.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's own work")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use deployment_orchestrator::http::{Client, Connections};
use deployment_orchestrator::tally::{Calls, Outcome, Tally, Upstream};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// For answers that are expected to come.
const PATIENT: Duration = Duration::from_secs(20);

/// For answers that are expected not to come.
const HASTY: Duration = Duration::from_millis(250);

/// The largest body that is read here.
const LIMIT: usize = 1_000;

/// What follows what a server says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    HangsUp,
    StaysSilent,
}

async fn saying(says: &'static str, then: Then) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        stream.write_all(says.as_bytes()).await.unwrap();
        if then == Then::StaysSilent {
            std::future::pending::<()>().await;
        }
    });
    address
}

/// Ask for the whole answer at `url`.
async fn ask(url: &str, timeout: Duration, tally: &Tally) {
    let client = Client::new(Upstream::Jira, timeout, Connections::Fresh, tally).unwrap();
    if let Ok(answer) = client.send(client.request(Method::GET, url)).await {
        let _ = answer.body_up_to(LIMIT).await;
    }
}

/// How many calls came to what, but for what none came to.
fn counted(tally: &Tally) -> BTreeMap<Outcome, u64> {
    let Calls { mut outcomes, durations } = tally.counts().calls.remove(&Upstream::Jira).unwrap();
    assert_eq!(outcomes.len(), Outcome::ALL.len(), "of each outcome there is a number");
    assert_eq!(durations.count(), outcomes.values().sum::<u64>(), "each call took some time");
    outcomes.retain(|_, count| *count > 0);
    outcomes
}

#[tokio::test]
async fn each_call_comes_to_one_thing() {
    use Then::{HangsUp, StaysSilent};
    for (says, then, outcome) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", HangsUp, Outcome::Ok),
        ("HTTP/1.1 204 No Content\r\n\r\n", StaysSilent, Outcome::Ok),
        ("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", HangsUp, Outcome::Refused),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", HangsUp, Outcome::Refused),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n", HangsUp, Outcome::Refused),
        ("HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n", HangsUp, Outcome::RateLimited),
        ("HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n", HangsUp, Outcome::ServerError),
        ("", StaysSilent, Outcome::TimedOut),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", StaysSilent, Outcome::TimedOut),
        ("", HangsUp, Outcome::Unreachable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", HangsUp, Outcome::Unreadable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n", StaysSilent, Outcome::Unreadable),
        ("no answer of HTTP\r\n\r\n", HangsUp, Outcome::Unreachable),
    ] {
        let tally = Tally::default();
        let url = format!("http://{}/", saying(says, then).await);
        let timeout = if outcome == Outcome::TimedOut { HASTY } else { PATIENT };
        ask(&url, timeout, &tally).await;
        assert_eq!(counted(&tally), [(outcome, 1)].into(), "{says}");
    }
    let tally = Tally::default();
    ask("http://127.0.0.1:1/", PATIENT, &tally).await;
    assert_eq!(counted(&tally), [(Outcome::Unreachable, 1)].into());
}

#[tokio::test]
async fn what_was_no_call_or_was_not_waited_for_is_not_counted() {
    let tally = Tally::default();
    ask("nowhere", PATIENT, &tally).await;
    let silent = format!("http://{}/", saying("", Then::StaysSilent).await);
    let asked = tokio::time::timeout(HASTY, ask(&silent, PATIENT, &tally)).await;
    assert!(asked.is_err(), "nobody answers");
    assert_eq!(counted(&tally), BTreeMap::new());
}
