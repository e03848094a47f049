//! `verify-bundle`: does evidence prove what it says? Needs no database.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::finding::{Finding, Level};
use super::{Global, output, wiring};
use crate::app::{Code, Error};
use crate::config::Policy;
use crate::domain::chain::ChainHead;
use crate::domain::decision::{Statement, Verdict};
use crate::domain::evidence::{Bundle, Fault, LONGEST, Verified};
use crate::domain::signature::PublicKey;
use crate::domain::summary::Decided;
use crate::domain::text::shortened;

/// The longest fault that is shown: parts of it may come from the file.
const FAULT_LIMIT: usize = 300;

/// The file, and what its reader knows from elsewhere.
#[derive(Debug, Args)]
pub(super) struct Claim {
    /// The file that `export` wrote.
    file: PathBuf,
    /// A place that the chain must go through, as `audit head` printed it at any time.
    #[arg(long, value_name = "POSITION:HASH")]
    head: Option<ChainHead>,
    /// The key of the server that must have signed it.
    #[arg(long, value_name = "KEY")]
    server_key: Option<PublicKey>,
}

pub(super) fn run(global: &Global, claim: &Claim) -> Result<(), Error> {
    let people = match &global.config {
        Some(_) => Some(wiring::settings(global)?.policy),
        None => None,
    };
    let text = content(&claim.file)?;
    let invalid = |fault: &Fault| {
        Error::new(
            Code::EvidenceInvalid,
            format!(
                "{} proves nothing: {}",
                claim.file.display(),
                shortened(&fault.to_string(), FAULT_LIMIT)
            ),
            "do not rely on it; ask for another one, and compare the two",
        )
    };
    let bundle = Bundle::read(&text).map_err(|fault| invalid(&fault))?;
    let findings = findings(&bundle, claim, people.as_ref()).map_err(|fault| invalid(&fault))?;
    let evidence = &bundle.evidence;
    if global.json {
        return output::json(&serde_json::json!({
            "deployment_id": evidence.deployment_id, "state": evidence.summary.state,
            "head": evidence.chain.head, "findings": findings,
        }));
    }
    output::line(&format!(
        "evidence of {}, written at {}",
        evidence.deployment_id,
        evidence.exported_at.to_rfc3339()
    ));
    findings.iter().for_each(Finding::show);
    Ok(())
}

fn content(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| {
        Error::new(
            Code::IoFailed,
            format!("the evidence {} cannot be read: {error}", path.display()),
            "name a file that `export` wrote, and that you may read",
        )
    };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // One more than the longest, to see that there is more.
    file.take(LONGEST as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() <= LONGEST {
        return Ok(text);
    }
    Err(Error::new(
        Code::EvidenceInvalid,
        format!("{} proves nothing: it is larger than {} MiB", path.display(), LONGEST >> 20),
        "`export` writes no such file; name the right one",
    ))
}

/// What was checked, in order.
fn findings(bundle: &Bundle, claim: &Claim, people: Option<&Policy>) -> Result<Vec<Finding>, Fault> {
    if let Some(server) = &claim.server_key {
        bundle.is_by(server)?;
    }
    let verified = bundle.verify()?;
    if let Some(noted) = &claim.head {
        verified.goes_through(noted)?;
    }
    if let Some(policy) = people {
        bundle.is_decided_by(|person| policy.people.get(person)?.key.as_ref())?;
    }
    let mut findings = vec![of_server(bundle, claim)];
    findings.extend(of_chain(bundle, claim, &verified));
    findings.extend(of_decisions(bundle, people));
    findings.extend(of_digests(&verified));
    findings.push(Finding::good("state", bundle.evidence.summary.state.clone()));
    Ok(findings)
}

fn of_server(bundle: &Bundle, claim: &Claim) -> Finding {
    let key = &bundle.server_key;
    match claim.server_key {
        Some(_) => Finding::good("server-key", format!("{key} signed it, the expected one")),
        None => Finding::bad(
            Level::Warning,
            "server-key",
            format!("{key} signed it, which may be anybody's"),
            "pass the key of your server as --server-key",
        ),
    }
}

fn of_chain(bundle: &Bundle, claim: &Claim, verified: &Verified) -> Vec<Finding> {
    let chain = &bundle.evidence.chain;
    let others = chain.links.len() - verified.records;
    let mut findings = vec![
        Finding::good("chain", format!("holds from {} to {}", chain.before, chain.head)),
        match &claim.head {
            Some(noted) => Finding::good("head", format!("it goes through {noted}")),
            None => Finding::bad(
                Level::Warning,
                "head",
                "whether it was computed anew before it was written cannot be seen",
                "pass what `audit head` printed earlier as --head",
            ),
        },
        Finding::good(
            "records",
            format!(
                "{} of this deployment, each as the state machine would have written it; {others} of others, of which only digests are here",
                verified.records
            ),
        ),
    ];
    if chain.believed() > 0 {
        findings.push(Finding::bad(
            Level::Warning,
            "old-records",
            format!("{} of others are of an old format: their hashes are believed", chain.believed()),
            "`audit verify` checks them where the database is",
        ));
    }
    findings
}

fn of_decisions(bundle: &Bundle, people: Option<&Policy>) -> Vec<Finding> {
    let decisions = &bundle.evidence.summary.decisions;
    let mut findings: Vec<Finding> = decisions.iter().flat_map(|it| of_decision(bundle, it)).collect();
    if decisions.is_empty() {
        findings.push(Finding::bad(
            Level::Warning,
            "no-decision",
            "nobody decided anything about it",
            "if it went where people must approve, ask why",
        ));
    }
    if people.is_none() && decisions.iter().any(Decided::is_signed) {
        findings.push(Finding::bad(
            Level::Warning,
            "people",
            "whether these keys are those of these people cannot be seen",
            "compare them with yours, or pass the config that has them as --config",
        ));
    }
    findings
}

fn of_decision(bundle: &Bundle, decided: &Decided) -> Vec<Finding> {
    let statement = &decided.decision.statement;
    let proof = match decided.is_signed() {
        true => format!("the signature verifies with {}", decided.key),
        false if decided.key == bundle.server_key => "the seal of this server verifies".to_owned(),
        false => format!("the seal of another server verifies, with {}", decided.key),
    };
    let mut findings = vec![Finding::good(
        "decision",
        format!(
            "{} {} {} ({}) at {}, as asked in request {}; {proof}",
            statement.person,
            statement.verdict.past_tense(),
            statement.environment,
            statement.assurance,
            decided.at.to_rfc3339(),
            statement.request
        ),
    )];
    findings.extend(weaknesses(bundle, statement).into_iter().map(|weakness| {
        Finding::bad(
            Level::Warning,
            "weak-decision",
            format!("{} at {}: {weakness}", statement.person, statement.environment),
            "know this before you rely on it",
        )
    }));
    findings
}

/// What everybody must know of a decision, although it counted.
fn weaknesses(bundle: &Bundle, statement: &Statement) -> Vec<&'static str> {
    let started_for = bundle.evidence.summary.plan.initiator.principal.human();
    let own = statement.verdict == Verdict::Approve && started_for == Some(&statement.person);
    let past_rules = statement.verdict == Verdict::BreakGlass;
    statement
        .assurance
        .caveat()
        .into_iter()
        .chain(own.then_some("the deployment was started for the person who approves it"))
        .chain(past_rules.then_some("the gate was opened past its rules, in an emergency"))
        .collect()
}

fn of_digests(verified: &Verified) -> Vec<Finding> {
    let mut findings = vec![Finding::good(
        "digests",
        format!(
            "{} made anew from what people were asked and what was sent; all are as recorded",
            verified.digests
        ),
    )];
    if verified.old_digests > 0 {
        findings.push(Finding::bad(
            Level::Warning,
            "old-digests",
            format!("{} are of an old format, and are believed", verified.old_digests),
            "none: what was recorded then cannot be computed any more",
        ));
    }
    findings
}
