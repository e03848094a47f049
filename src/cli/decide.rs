//! `approve` and `reject`: a person decides, with their own key.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::output::{self, Style};
use super::{Decision, Global, key_file, keygen, place, status, wiring};
use crate::app::view::ApprovalView;
use crate::app::{Code, Error};
use crate::domain::approval::Verdict;
use crate::domain::principal::Channel;

pub(super) async fn run(global: &Global, decision: Decision, verdict: Verdict) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let person = keygen::person_or_user(decision.person)?;
    let path = match decision.key {
        Some(path) => path,
        None => place::key_file(&person)?,
    };
    let key = key_file::read(&path)?;
    let asked = app.approval(&decision.id).await?;
    let statement = app.statement(&decision.id, &person, verdict, decision.reason.as_deref()).await?;
    // What is signed is what was shown, even if a new request was opened meanwhile.
    if statement.digest.0 != asked.request.digest {
        return Err(Error::new(
            Code::NotAwaitingApproval,
            "the request has changed while it was being read",
            "run the command again and read the new request",
        ));
    }
    if !decision.yes {
        confirm(&asked, verdict)?;
    }
    if decision.print_token {
        output::line(&key.sign(statement).to_token());
        return Ok(());
    }
    let decided = app.sign_and_decide(&decision.id, statement, &key, Channel::CommandLine).await?;
    if !global.json {
        let verb = match verdict {
            Verdict::Approve => output::styled(Style::Good, "approved"),
            Verdict::Reject => output::styled(Style::Bad, "rejected"),
        };
        output::line(&format!("{verb} by {person}, signed over digest {}", asked.request.digest));
    }
    status::show(global, &decided.status)
}

/// Show everything that will happen, and have the environment typed.
fn confirm(asked: &ApprovalView, verdict: Verdict) -> Result<(), Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(
            Code::NeedsHuman,
            "a decision is asked for at a terminal, and this is none",
            "run the command at a terminal, or add --yes when you have read the request",
        ));
    }
    let mut err = std::io::stderr().lock();
    let what = &asked.what;
    let mut show = |name: &str, value: &str| writeln!(err, "  {name:<14} {value}");
    let _ = show("deployment", &asked.deployment_id);
    let _ = show("environment", &what.environment);
    let _ = show("service", &what.service);
    let _ = show("commit", &format!("{} ({} of {})", what.commit_sha, what.branch, what.repository));
    let _ = show("pipeline", &what.pipeline_id);
    for (name, value) in &what.inputs {
        let _ = show("input", &format!("{name} = {value}"));
    }
    for set in &what.input_sets {
        let _ = show("input set", set);
    }
    let _ = show("started by", &asked.started_by);
    let _ = show("digest", &asked.request.digest);
    let _ = show("expires", &asked.request.expires_at);
    let verb = match verdict {
        Verdict::Approve => "approve",
        Verdict::Reject => "reject",
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
