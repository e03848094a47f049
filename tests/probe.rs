//! The probe over real HTTP, against environments that answer as nobody should.

use std::net::SocketAddr;
use std::time::Duration;

use deployment_orchestrator::domain::drift::Unread;
use deployment_orchestrator::domain::health::Answer;
use deployment_orchestrator::ports::Probe;
use deployment_orchestrator::probe::HttpProbe;
use deployment_orchestrator::tally::Tally;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// For answers that are expected to come.
const PATIENT: Duration = Duration::from_secs(20);

/// For answers that are expected not to come.
const HASTY: Duration = Duration::from_millis(250);

/// An environment: what it sends after a request, and whether it then says nothing more or hangs up.
struct Environment {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
}

#[derive(Clone, Copy)]
enum Then {
    HangsUp,
    StaysSilent,
    NeverEnds,
}

impl Environment {
    async fn saying(says: &'static str, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, says, then, asked.clone()));
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/healthz", self.address)
    }
}

async fn answer(mut stream: TcpStream, says: &str, then: Then, asked: mpsc::UnboundedSender<String>) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).await.unwrap_or(0);
    let _ = asked.send(String::from_utf8_lossy(request.get(..length).unwrap_or_default()).into_owned());
    let _ = stream.write_all(says.as_bytes()).await;
    match then {
        Then::HangsUp => {}
        Then::StaysSilent => std::future::pending().await,
        Then::NeverEnds => while stream.write_all(&[b'x'; 65_536]).await.is_ok() {},
    }
}

async fn read(timeout: Duration, url: &str) -> Result<String, Unread> {
    HttpProbe::new(timeout, &Tally::default()).expect("a probe").read(url).await
}

async fn asked(timeout: Duration, url: &str) -> Answer {
    HttpProbe::new(timeout, &Tally::default()).expect("a probe").ask(url).await
}

#[tokio::test]
async fn an_answer_is_its_status_code_whatever_else_comes() {
    for (says, then, code) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::HangsUp, 200),
        ("HTTP/1.1 204 No Content\r\n\r\n", Then::HangsUp, 204),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", Then::HangsUp, 503),
        ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nonly the begin", Then::HangsUp, 200),
        ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nonly the begin", Then::StaysSilent, 200),
        ("HTTP/1.1 200 OK\r\n\r\n", Then::NeverEnds, 200),
    ] {
        let environment = Environment::saying(says, then).await;
        assert_eq!(asked(PATIENT, &environment.url()).await, Answer::Status(code), "{says}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut elsewhere = Environment::saying("HTTP/1.1 200 OK\r\n\r\n", Then::HangsUp).await;
    let says = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
    let environment = Environment::saying(says.leak(), Then::HangsUp).await;

    assert_eq!(asked(PATIENT, &environment.url()).await, Answer::Status(302));
    assert!(elsewhere.requests.try_recv().is_err(), "nobody asked there");
}

#[tokio::test]
async fn nothing_is_sent_but_the_question() {
    let mut environment = Environment::saying("HTTP/1.1 200 OK\r\n\r\n", Then::HangsUp).await;
    asked(PATIENT, &environment.url()).await;

    let request = environment.requests.recv().await.expect("a question").to_ascii_lowercase();
    assert!(request.starts_with("get /healthz http/1.1\r\n"), "{request}");
    for header in ["authorization", "cookie", "x-api-key"] {
        assert!(!request.contains(header), "{request}");
    }
}

#[tokio::test]
async fn no_answer_says_in_what_way() {
    let silent = Environment::saying("", Then::StaysSilent).await;
    let half = Environment::saying("HTTP/1.1 200 OK\r\ncontent-le", Then::StaysSilent).await;
    let endless = Environment::saying("HTTP/1.1 200 OK\r\nx-", Then::NeverEnds).await;
    let gone = Environment::saying("", Then::HangsUp).await;
    let other = Environment::saying("SSH-2.0-OpenSSH_9.6\r\n", Then::HangsUp).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");

    assert_eq!(asked(HASTY, &silent.url()).await, Answer::TimedOut);
    assert_eq!(asked(HASTY, &half.url()).await, Answer::TimedOut);
    assert_eq!(asked(PATIENT, &endless.url()).await, Answer::Broken, "headers have their limit");
    assert_eq!(asked(PATIENT, &gone.url()).await, Answer::Broken);
    assert_eq!(asked(PATIENT, &other.url()).await, Answer::Broken);
    assert_eq!(asked(PATIENT, &format!("http://{nobody}/")).await, Answer::Unreachable);
    assert_eq!(asked(PATIENT, &format!("https://{}/", other.address)).await, Answer::Unreachable, "no TLS");
    assert_eq!(asked(PATIENT, "https://acme%2Fshop.acme.example/").await, Answer::Unreachable, "no host");
}

#[tokio::test]
async fn what_an_environment_says_is_read_if_it_is_a_short_text() {
    let full = format!("HTTP/1.1 200 OK\r\ncontent-length: {0}\r\n\r\n{1}", 65_536, "x".repeat(65_536));
    let more = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(65_537));
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n";
    let status = |code| Err(Unread::Answered(Answer::Status(code)));
    for (says, then, reads) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n9f3c2d1\n", Then::HangsUp, Ok("9f3c2d1\n".to_owned())),
        (full.leak(), Then::HangsUp, Ok("x".repeat(65_536))),
        (more.leak(), Then::HangsUp, Err(Unread::TooLong)),
        (announced, Then::StaysSilent, Err(Unread::TooLong)),
        ("HTTP/1.1 200 OK\r\n\r\n", Then::NeverEnds, Err(Unread::TooLong)),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            Then::HangsUp,
            Err(Unread::Answered(Answer::Broken)),
        ),
        ("HTTP/1.1 201 Created\r\ncontent-length: 7\r\n\r\n9f3c2d1", Then::HangsUp, status(201)),
        ("HTTP/1.1 302 Found\r\nlocation: /v\r\ncontent-length: 0\r\n\r\n", Then::HangsUp, status(302)),
    ] {
        let mut environment = Environment::saying(says, then).await;
        assert_eq!(read(PATIENT, &environment.url()).await, reads, "{}", &says[..40]);
        let request = environment.requests.recv().await.expect("a question").to_ascii_lowercase();
        assert!(!request.contains("authorization") && !request.contains("cookie"), "{request}");
    }
    let half =
        Environment::saying("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Then::StaysSilent).await;
    assert_eq!(read(HASTY, &half.url()).await, Err(Unread::Answered(Answer::TimedOut)));
}
