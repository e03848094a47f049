//! `approve`, `reject` and `break-glass`: a person decides, with their own key.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::output::{self, Style};
use super::{Answer, Global, act, key_file, keygen, place, status, wiring};
use crate::app::view::ApprovalView;
use crate::app::{Code, Error};
use crate::domain::decision::{Decision, Verdict};
use crate::domain::gate::PEOPLE_TO_BREAK_GLASS;
use crate::domain::principal::Actor;
use crate::domain::text::visible;

pub(super) async fn run(global: &Global, answer: Answer, verdict: Verdict) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let person = keygen::person_or_user(answer.person)?;
    let path = match answer.key {
        Some(path) => path,
        None => place::key_file(&person)?,
    };
    let key = key_file::read(&path)?;
    let asked = app.approval(&answer.id).await?;
    let statement = app.statement(&answer.id, &person, verdict, answer.reason.as_deref()).await?;
    // What is signed is what was shown, even if a new request was opened meanwhile.
    if statement.digest.0 != asked.request.digest {
        return Err(Error::new(
            Code::NotAwaitingApproval,
            "the request has changed while it was being read",
            "run the command again and read the new request",
        ));
    }
    if !answer.yes {
        at_a_terminal()?;
        // Who holds the person's key is the person, as far as can be known here.
        if app.policy.people.get(&person).is_some_and(|it| it.key.as_ref() == Some(&key.public())) {
            let reader = Actor::at_command_line(person.clone());
            app.note_look(&statement.deployment_id, statement.request, reader).await;
        }
        confirm(&asked, verdict)?;
    }
    let token = Decision::sign(statement, &key).to_token();
    if answer.print_token {
        output::line(&token);
        return Ok(());
    }
    let status = app.decide(&answer.id, &token, verdict, &act::person(&app)).await?;
    if !global.json {
        let said = match verdict {
            Verdict::Approve => output::styled(Style::Good, "approved"),
            Verdict::Reject => output::styled(Style::Bad, "rejected"),
            Verdict::BreakGlass => output::styled(Style::Bad, "glass broken"),
        };
        output::line(&format!("{said} by {person}, signed over digest {}", asked.request.digest));
    }
    status::show(global, &status)
}

fn at_a_terminal() -> Result<(), Error> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Error::new(
        Code::NeedsHuman,
        "a decision is asked for at a terminal, and this is none",
        "run the command at a terminal, or add --yes when you have read the request",
    ))
}

/// Show everything that will happen, and have the environment typed.
fn confirm(asked: &ApprovalView, verdict: Verdict) -> Result<(), Error> {
    let mut err = std::io::stderr().lock();
    let what = &asked.what;
    let mut show = |name: &str, value: &str| writeln!(err, "  {name:<14} {value}");
    if verdict == Verdict::BreakGlass {
        let rule = format!(
            "the rules of {} are passed over when {PEOPLE_TO_BREAK_GLASS} people say so",
            what.environment
        );
        let _ = show("BREAK GLASS", &rule);
        let _ = show("afterwards", "everybody is told, and somebody else must review it");
    }
    if let Some(path) = &what.path {
        let _ = show("PATH", &path.meaning());
        let _ = show("because", &visible(&path.reason_untrusted));
    }
    let _ = show("deployment", &asked.deployment_id);
    let _ = show("environment", &what.environment);
    let _ = show("service", &what.service);
    let _ = show("commit", &format!("{} ({} of {})", what.commit_sha, what.branch, what.repository));
    let _ = show("pipeline", &what.pipeline_id);
    for (name, value) in &what.inputs {
        let _ = show("input", &format!("{name} = {}", visible(value)));
    }
    for set in &what.input_sets {
        let _ = show("input set", &visible(set));
    }
    let _ = show("started by", &asked.started_by);
    if !what.commit_authors.is_empty() {
        let _ = show("written by", &what.commit_authors.join(", "));
    }
    for warning in &asked.warnings {
        let _ = show("warning", &warning.in_one_line());
    }
    let _ = show("digest", &asked.request.digest);
    let _ = show("expires", &asked.request.expires_at);
    let verb = match verdict {
        Verdict::Approve => "approve",
        Verdict::Reject => "reject",
        Verdict::BreakGlass => "break the glass",
    };
    let _ = write!(err, "type {} to {verb}: ", what.environment);
    let _ = err.flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && answer.trim() == what.environment {
        return Ok(());
    }
    Err(Error::new(Code::NeedsHuman, "nothing was decided", "run the command again to decide"))
}
