//! Letters, and a mail server that takes them, or not, or not for everybody.

use std::collections::BTreeMap;
use std::time::Duration;

use deployment_orchestrator::domain::message::{Asked, Message};
use deployment_orchestrator::mail::{
    Login, Mail, Mailbox, Settings, SetupError, digest_html, digest_text, html, letter, text,
};
use deployment_orchestrator::ports::{Messenger as _, Telling, Thread};
use deployment_orchestrator::tally::{Outcome, Tally, Upstream};

use super::post_office::Reply::{HangsUp, NeverSays, Says};
use super::post_office::{PostOffice, Rules};
use super::{HASTY, PATIENT, digest, kept, later, never, samples, told};

const PASSWORD: &str = "correct horse battery";

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

fn settings(port: u16) -> Settings {
    Settings {
        host: "127.0.0.1".to_owned(),
        port,
        login: Some(Login { user: "deploy".to_owned(), password: PASSWORD.into() }),
        from: mailbox("Deployments <deploy@acme.example>"),
        to: vec![mailbox("Ops <ops@acme.example>"), mailbox("bob@acme.example")],
        timeout: PATIENT,
    }
}

fn mail(office: &PostOffice) -> Mail {
    Mail::new(settings(office.port()), &Tally::default()).unwrap()
}

fn written(message: &Message, thread: Option<&Thread>) -> String {
    let Settings { from, to, .. } = settings(0);
    String::from_utf8(letter(&Telling { message, issue: None, thread }, &from, &to)).unwrap()
}

/// The value of a header.
fn header<'a>(letter: &'a str, name: &str) -> Option<&'a str> {
    letter
        .lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn every_message_is_a_text_and_a_page() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("letters");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, message) in samples::all() {
        // For people, who alone can judge how it looks.
        std::fs::write(folder.join(format!("{name}.html")), html(&message)).unwrap();
    }
    for (name, message) in kept() {
        insta::assert_snapshot!(format!("text_{name}"), text(&message));
    }
    insta::assert_snapshot!("page_approval_requested", html(&samples::approval_requested()));
    insta::assert_snapshot!("letter_started", written(&samples::started(), None));
}

#[test]
fn where_there_are_no_pages_a_letter_says_what_to_type() {
    let asked = samples::approval_requested().asked.map(|asked| Asked { page: None, ..asked });
    let message = Message { asked, page: None, ..samples::approval_requested() };
    let command = format!("type <code>deployment-orchestrator approve {}</code>", samples::id());
    assert!(html(&message).contains(&command));
    assert!(
        text(&message).contains(&format!("To answer: deployment-orchestrator approve {}", samples::id()))
    );
}

#[test]
fn what_others_wrote_is_no_markup_in_a_page() {
    let page = html(&samples::hostile());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("href=\"https://app.harness.io/x|y&gt;z?a=1&amp;b=&lt;2&gt;\""));
    for markup in ["<script", "<https:", "<!channel", "<!everyone", "href=\"https://evil", "&amp \"'"] {
        assert!(!page.contains(markup), "{markup}");
    }
}

#[test]
fn nothing_adds_a_header_to_a_letter() {
    let mut message = samples::hostile();
    message.about.state = "failed\r\nBcc: eve@evil.example\r\n\r\nhello".to_owned();
    message.notice.key = "dep:1:failed>\r\nBcc: eve@evil.example".to_owned();
    let letter = written(&message, None);
    let head = letter.split("\r\n\r\n").next().unwrap();
    let names: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|it| it.split(':').next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "From",
            "Subject",
            "Message-ID",
            "Date",
            "To",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "MIME-Version",
            "Content-Type"
        ],
        "{head}"
    );
    assert!(header(&letter, "Message-ID").unwrap().ends_with("@acme.example>"), "{head}");
}

#[test]
fn a_letter_that_is_sent_again_is_the_same_letter() {
    let (first, again) = (written(&samples::failed(), None), written(&samples::failed(), None));
    assert_eq!(first, again);
    let id = format!("<{}.13.failed@acme.example>", samples::id());
    assert_eq!(header(&first, "Message-ID"), Some(id.as_str()));
}

#[tokio::test]
async fn letters_about_a_deployment_answer_its_first_one() {
    let mut office = PostOffice::with(&[]).await;
    let mail = mail(&office);
    let thread = told(&mail, &samples::started()).await.unwrap().expect("the first letter begins a thread");
    let first = office.next().await;
    let letter = first.letter.unwrap();
    assert_eq!(header(&letter, "Message-ID"), Some(thread.0.as_str()));
    assert_eq!((header(&letter, "In-Reply-To"), header(&letter, "References")), (None, None));
    assert_eq!(header(&letter, "Auto-Submitted"), Some("auto-generated"));
    assert_eq!(header(&letter, "Subject"), Some("[info] checkout 5c1b2f09: validating"));

    let failed = samples::failed();
    let next = Telling { message: &failed, issue: None, thread: Some(&thread) };
    assert_eq!(mail.tell(&next).await, Ok(None), "the thread goes on");
    let letter = office.next().await.letter.unwrap();
    assert_eq!(header(&letter, "In-Reply-To"), Some(thread.0.as_str()));
    assert_eq!(header(&letter, "References"), Some(thread.0.as_str()));
    assert_eq!(header(&letter, "Subject"), Some("[critical] checkout 5c1b2f09: failed"));
}

#[tokio::test]
async fn many_messages_are_one_letter() {
    let mut office = PostOffice::with(&[]).await;
    let digest = digest();
    assert_eq!(mail(&office).tell_together(&digest).await, Ok(()));
    let letter = office.next().await.letter.unwrap();
    let subject = format!("[critical] {} messages about 1", digest.notices.len());
    assert!(header(&letter, "Subject").unwrap().starts_with(&subject), "{letter}");
    assert!(letter.contains("<digest.dep_"), "{letter}");
    assert_eq!(header(&letter, "References"), None);
    let lines = digest_text(&digest).lines().filter(|line| line.starts_with("  2026-")).count();
    assert_eq!(lines, digest.notices.len());
    let page = digest_html(&digest);
    assert_eq!(page.matches("<li>").count(), lines);
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
}

#[tokio::test]
async fn a_server_is_told_who_we_are_and_who_gets_the_letter() {
    let mut office = PostOffice::with(&[]).await;
    told(&mail(&office), &samples::started()).await.unwrap();
    let visit = office.next().await;
    assert_eq!(
        visit.commands,
        [
            "EHLO acme.example",
            "AUTH PLAIN AGRlcGxveQBjb3JyZWN0IGhvcnNlIGJhdHRlcnk=",
            "MAIL FROM:<deploy@acme.example>",
            "RCPT TO:<ops@acme.example>",
            "RCPT TO:<bob@acme.example>",
            "DATA",
            "QUIT"
        ]
    );
    assert_eq!(visit.letter.unwrap().trim_end(), written(&samples::started(), None).trim_end());

    let stranger = Settings { login: None, ..settings(office.port()) };
    told(&Mail::new(stranger, &Tally::default()).unwrap(), &samples::started()).await.unwrap();
    assert!(!office.next().await.commands.iter().any(|command| command.starts_with("AUTH")));
}

#[tokio::test]
async fn a_server_that_puts_a_letter_off_is_asked_again() {
    let cases: [(Rules, &str); 9] = [
        (&[("220", Says("421 too many connections"))], "421 too many connections"),
        (&[("220", HangsUp)], "could not be reached: incomplete response"),
        (&[("AUTH", Says("454 try again"))], "put the letter off: 454"),
        (&[("MAIL", Says("450 4.7.1 slow down"))], "450 4.7.1 slow down"),
        (
            &[("RCPT", Says("450 4.2.0 greylisted"))],
            "ops@acme.example (450 4.2.0 greylisted), bob@acme.example",
        ),
        (&[("RCPT TO:<bob", Says("421 going down"))], "put the letter off: 421 going down"),
        (&[("DATA", Says("451 no disk"))], "451 no disk"),
        (&[(".", Says("452 no disk"))], "452 no disk"),
        (&[(".", HangsUp)], "put the letter off: incomplete response"),
    ];
    for (rules, expected) in cases {
        let office = PostOffice::with(rules).await;
        let (said, _) = later(told(&mail(&office), &samples::started()).await);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let silent = PostOffice::with(&[("MAIL", NeverSays)]).await;
    let hasty = Mail::new(Settings { timeout: HASTY, ..settings(silent.port()) }, &Tally::default()).unwrap();
    assert!(later(told(&hasty, &samples::started()).await).0.contains("did not answer in time"));
    let nobody =
        Mail::new(Settings { timeout: Duration::from_secs(5), ..settings(1) }, &Tally::default()).unwrap();
    let (said, _) = later(told(&nobody, &samples::started()).await);
    assert!(said.contains("127.0.0.1:1 could not be reached: Connection refused"), "{said}");
}

#[tokio::test]
async fn a_refusal_for_good_says_what_to_change() {
    let cases: [(Rules, &str); 6] = [
        (&[("220", Says("554 not for you"))], "554 not for you; use a server"),
        (&[("AUTH", Says("535 5.7.8 no"))], "535; correct `user` and the password"),
        (
            &[("EHLO", Says("250 mail.acme.example"))],
            "No compatible authentication mechanism was found; leave `user` out",
        ),
        (&[("MAIL", Says("553 not yours"))], "553 not yours; let the user send as deploy@acme.example"),
        (&[("RCPT", Says("550 no such user"))], "ops@acme.example (550 no such user), bob@acme.example (550"),
        (&[(".", Says("554 spam"))], "554 spam; ask whoever runs it"),
    ];
    for (rules, expected) in cases {
        let office = PostOffice::with(rules).await;
        let said = never(told(&mail(&office), &samples::started()).await);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn each_letter_is_counted_by_what_the_server_says_of_it() {
    let cases: [(Rules, Outcome); 7] = [
        (&[], Outcome::Ok),
        (&[("220", Says("554 not for you"))], Outcome::Refused),
        (&[("RCPT TO:<bob", Says("550 no such user"))], Outcome::Refused),
        (&[(".", Says("452 no disk"))], Outcome::ServerError),
        (&[("220", Says("this is no SMTP"))], Outcome::Unreadable),
        (&[(".", HangsUp)], Outcome::Unreadable),
        (&[("MAIL", NeverSays)], Outcome::TimedOut),
    ];
    for (rules, outcome) in cases {
        let (office, tally) = (PostOffice::with(rules).await, Tally::default());
        let timeout = if outcome == Outcome::TimedOut { HASTY } else { PATIENT };
        let mail = Mail::new(Settings { timeout, ..settings(office.port()) }, &tally).unwrap();
        let _ = told(&mail, &samples::started()).await;
        assert_eq!(counted(&tally), [(outcome, 1)].into(), "{:?}", rules.first().map(|it| it.0));
    }
    let tally = Tally::default();
    let _ = told(&Mail::new(settings(1), &tally).unwrap(), &samples::started()).await;
    assert_eq!(counted(&tally), [(Outcome::Unreachable, 1)].into());
}

/// How many letters came to what, but for what none came to.
fn counted(tally: &Tally) -> BTreeMap<Outcome, u64> {
    let outcomes = tally.counts().calls.remove(&Upstream::Mail).unwrap().outcomes;
    outcomes.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn a_recipient_who_is_refused_keeps_no_letter_from_the_others() {
    for (refusal, for_good) in
        [(Says("550 5.1.1 no such user"), true), (Says("450 4.2.0 greylisted, come again"), false)]
    {
        let rules: Rules = Box::leak(Box::new([("RCPT TO:<ops", refusal)]));
        let mut office = PostOffice::with(rules).await;
        let said = told(&mail(&office), &samples::failed()).await;
        let said = if for_good { never(said) } else { later(said).0 };
        assert!(said.contains("ops@acme.example (") && said.contains("the other recipients have"), "{said}");
        assert!(!said.contains("bob@"), "{said}");
        assert!(office.next().await.letter.is_some());
    }
}

#[tokio::test]
async fn a_password_is_said_to_the_server_alone() {
    let talkative: [Rules; 3] = [
        &[("AUTH", Says("535 wrong: {} is not correct horse battery"))],
        &[("AUTH", Says("454 wrong: {} is not correct horse battery"))],
        &[("MAIL", Says("550 correct horse battery is what you said before {}"))],
    ];
    for rules in talkative {
        let office = PostOffice::with(rules).await;
        let mail = mail(&office);
        let error = told(&mail, &samples::started()).await.unwrap_err();
        let said = format!("{error} {error:?} {mail:?} {:?}", settings(0));
        assert!(!said.contains("horse") && !said.contains("AGRlcGxveQ"), "{said}");
    }
}

#[tokio::test]
async fn a_server_elsewhere_hears_nothing_before_it_speaks_tls() {
    // An address of this machine that is not known as one.
    let mut office = PostOffice::with(&[]).await;
    let elsewhere = Settings { host: "::ffff:127.0.0.1".to_owned(), ..settings(office.port()) };
    let said = never(told(&Mail::new(elsewhere, &Tally::default()).unwrap(), &samples::started()).await);
    assert!(said.contains("STARTTLS is not supported on this server; use a server and a port"), "{said}");
    assert_eq!(office.next().await.commands, ["EHLO acme.example"]);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let made = |settings: Settings| Mail::new(settings, &Tally::default()).err();
    assert_eq!(made(settings(587)), None);
    assert_eq!(made(Settings { to: Vec::new(), ..settings(587) }), Some(SetupError::NoRecipient));
    for host in ["", "smtp://mail.acme.example", "mail acme", "user@mail"] {
        assert_eq!(
            made(Settings { host: host.to_owned(), ..settings(587) }),
            Some(SetupError::Host(host.to_owned()))
        );
    }
}
