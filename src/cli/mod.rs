//! The command line: one file per subcommand, each a use case or two.

mod act;
mod agents;
mod audit;
mod cells;
mod connect;
mod decide;
mod demo;
mod doctor;
mod environments;
mod export;
mod finding;
mod history;
mod import;
mod incident;
mod jira;
mod key_file;
mod keygen;
mod listen;
mod lock;
mod log;
mod messages;
mod messengers;
mod metrics;
mod metrics_csv;
mod metrics_export;
mod new_file;
mod output;
mod place;
mod release_commit;
mod serve;
mod server_key;
mod signals;
mod simulate;
mod status;
mod token;
#[cfg_attr(not(feature = "otlp"), path = "no_traces.rs")]
mod traces;
mod trial;
mod validate;
mod verify_bundle;
mod wiring;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::app::Error;
use crate::config::environment::{self, LogFormat};
use crate::domain::decision::Verdict;
use crate::domain::id::PrincipalName;

use output::Shape;

/// Runs deployments through Harness CD for AI agents, without trusting them with it.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand takes.
#[derive(Debug, Clone, Args)]
struct Global {
    /// The database.
    #[arg(long, global = true, env = "ORCHESTRATOR_DB", value_name = "PATH")]
    db: Option<PathBuf>,
    /// The config file (TOML).
    #[arg(long, global = true, env = "ORCHESTRATOR_CONFIG", value_name = "PATH")]
    config: Option<PathBuf>,
    /// Print JSON for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP on standard input and output, or over HTTP, and drive deployments.
    Serve {
        /// Use the embedded Harness simulator instead of an account.
        #[arg(long)]
        simulate: bool,
        #[command(flatten)]
        listen: listen::Listen,
        /// Be a bridge: carry MCP from standard input and output to the server at this address, such
        /// as https://deploy.acme.example/mcp, with the token in ORCHESTRATOR_TOKEN or in the file
        /// that ORCHESTRATOR_TOKEN_FILE names.
        #[arg(long, value_name = "URL", conflicts_with_all = ["simulate", "http"])]
        connect: Option<String>,
    },
    /// Watch deployments, without an account.
    Demo {
        /// What to watch.
        #[arg(long, value_enum, default_value = "release")]
        scenario: demo::Scenario,
    },
    /// Look for what is wrong with a deployment, and start nothing.
    Validate(validate::Intent),
    /// Show one deployment, or those in flight.
    Status {
        /// The deployment.
        id: Option<String>,
        /// Include those that are over.
        #[arg(long)]
        all: bool,
        /// Show what runs where instead: versions, locks, freezes, queues.
        #[arg(long, conflicts_with_all = ["id", "all"])]
        environments: bool,
        /// Ask Harness, and environments that say what they run, whether that is still there.
        #[arg(long, requires = "environments")]
        drift: bool,
        /// Of this service only.
        #[arg(long, requires = "environments", value_name = "NAME")]
        service: Option<String>,
    },
    /// Show what happened, and who did it.
    History {
        /// The deployment; what is about none, such as tokens and the stop of agents, if it is left out.
        id: Option<String>,
    },
    /// Approve what a deployment is about to do, as yourself.
    Approve(Answer),
    /// Reject what a deployment is about to do, as yourself.
    Reject(Answer),
    /// In an emergency, open the gate past its rules: two people, each with a reason.
    BreakGlass(Answer),
    /// Ask people for approval once more, or anew after a withdrawal.
    Ask {
        /// The deployment.
        id: String,
    },
    /// Take an approval request back before it is decided.
    Withdraw {
        /// The deployment.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Stop a deployment.
    Cancel {
        /// The deployment.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Put every environment that a deployment touched back to its last good version.
    Rollback {
        /// The deployment.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Link a Jira issue to a deployment, under way or over.
    Link {
        /// The deployment.
        id: String,
        /// The issue, such as SHOP-42.
        issue: String,
    },
    /// Say what became of a trigger whose reply was lost, after a look in Harness.
    Resolve {
        /// The deployment.
        id: String,
        /// No execution with the key exists in Harness: it may be triggered again.
        #[arg(long, required = true)]
        did_not_run: bool,
    },
    /// Let a deployment pass the freezes that hold it now, as somebody whom they name.
    OverrideFreeze {
        /// The deployment.
        id: String,
        /// Why; people are told.
        #[arg(long)]
        reason: String,
    },
    /// Let nothing into an environment until it is unlocked.
    Lock(lock::Lock),
    /// Take the lock of an environment off.
    Unlock(lock::Lock),
    /// Stop all agents at once: they may only read. What is in flight goes on.
    FreezeAgents {
        /// Why; agents and people are told.
        #[arg(long)]
        reason: String,
    },
    /// Let agents act again.
    ReleaseAgents {
        /// Why it is safe now.
        #[arg(long)]
        reason: String,
    },
    /// Let a commit that was rolled back be deployed again, as an admin.
    ReleaseCommit(release_commit::Release),
    /// List the uses of break-glass that nobody has reviewed.
    Reviews,
    /// Close the review of a use of break-glass, as an admin who did not take part.
    Review {
        /// The deployment.
        id: String,
        /// What you found.
        #[arg(long)]
        note: String,
    },
    /// Show how well deploying goes, by the history: the pipeline's numbers, and DORA's.
    Metrics(metrics::Metrics),
    /// Say that something was wrong in production, so that metrics need not guess.
    LinkIncident(incident::Link),
    /// Take an incident back that was linked or imported by mistake.
    UnlinkIncident(incident::Unlink),
    /// Take in what another tool knows of the past, for metrics alone.
    Import {
        #[command(subcommand)]
        rows: import::Rows,
    },
    /// Show what people were to be told and were not, and tell it again.
    Messages(messages::Messages),
    /// Check the config, the credentials, the gates and the database.
    Doctor,
    /// Make your key for approvals.
    Keygen {
        /// Your name in the config; the user of this machine by default.
        #[arg(long = "as", value_name = "NAME")]
        person: Option<PrincipalName>,
        /// Where the private key goes; a file that is there is never overwritten.
        #[arg(long, value_name = "PATH")]
        key: Option<PathBuf>,
    },
    /// Make, list and revoke the tokens of `serve --http`.
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Check the audit history.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Write evidence of one deployment for somebody without the database.
    Export {
        /// The deployment.
        id: String,
        /// Where it goes, instead of standard output; a file that is there is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check evidence that `export` wrote. Needs no database.
    VerifyBundle(verify_bundle::Claim),
    /// Run the Harness simulator by itself.
    SimulateHarness {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:7070")]
        addr: SocketAddr,
        /// What it plays: a TOML file; the documentation has the format.
        #[arg(long, value_name = "PATH")]
        script: Option<PathBuf>,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check that no audit event was changed, removed or inserted.
    Verify,
    /// Print the last link of the history, to be noted elsewhere.
    Head,
}

/// An answer to an approval request.
#[derive(Debug, Args)]
struct Answer {
    /// The deployment.
    id: String,
    /// Your name in the config; the user of this machine by default.
    #[arg(long = "as", value_name = "NAME")]
    person: Option<PrincipalName>,
    /// Your private key.
    #[arg(long, env = "ORCHESTRATOR_KEY", value_name = "PATH")]
    key: Option<PathBuf>,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Print the signed decision and do not send it.
    #[arg(long)]
    print_token: bool,
}

/// Do what the command line says.
///
/// # Errors
/// One sentence with a code and a hint; see `docs/errors.md`.
pub async fn run(cli: Cli) -> Result<(), Error> {
    let Cli { global, command } = cli;
    match command {
        Command::Serve { connect: Some(url), .. } => connect::run(&url).await,
        Command::Serve { simulate, listen, connect: None } => serve::run(&global, simulate, &listen).await,
        Command::Demo { scenario } => demo::run(scenario).await,
        Command::Validate(intent) => validate::run(&global, intent).await,
        Command::Status { environments: true, service, drift, .. } => {
            environments::run(&global, service, drift).await
        }
        Command::Status { id: Some(id), .. } => status::one(&global, &id).await,
        Command::Status { id: None, all, .. } => status::list(&global, all).await,
        Command::History { id: Some(id) } => history::of(&global, &id).await,
        Command::History { id: None } => history::of_none(&global).await,
        Command::Approve(answer) => decide::run(&global, answer, Verdict::Approve).await,
        Command::Reject(answer) => decide::run(&global, answer, Verdict::Reject).await,
        Command::BreakGlass(answer) => decide::run(&global, answer, Verdict::BreakGlass).await,
        Command::Ask { id } => act::ask(&global, &id).await,
        Command::Withdraw { id, reason } => act::withdraw(&global, &id, &reason).await,
        Command::Cancel { id, reason } => act::cancel(&global, &id, &reason).await,
        Command::Rollback { id, reason } => act::rollback(&global, &id, &reason).await,
        Command::Link { id, issue } => act::link(&global, &id, &issue).await,
        Command::Resolve { id, did_not_run: _ } => act::resolve(&global, &id).await,
        Command::OverrideFreeze { id, reason } => act::override_freeze(&global, &id, &reason).await,
        Command::Lock(lock) => lock::lock(&global, &lock).await,
        Command::Unlock(lock) => lock::unlock(&global, &lock).await,
        Command::FreezeAgents { reason } => agents::freeze(&global, &reason).await,
        Command::ReleaseAgents { reason } => agents::release(&global, &reason).await,
        Command::ReleaseCommit(release) => release_commit::run(&global, &release).await,
        Command::Reviews => agents::reviews(&global).await,
        Command::Review { id, note } => agents::review(&global, &id, &note).await,
        Command::Metrics(metrics) => metrics::run(&global, metrics).await,
        Command::LinkIncident(link) => incident::link(&global, link).await,
        Command::UnlinkIncident(unlink) => incident::unlink(&global, &unlink).await,
        Command::Import { rows } => import::run(&global, &rows).await,
        Command::Messages(messages) => messages::run(&global, &messages).await,
        Command::Doctor => doctor::run(&global).await,
        Command::Keygen { person, key } => keygen::run(&global, person, key),
        Command::Token { command } => token::run(&global, command).await,
        Command::Audit { command: AuditCommand::Verify } => audit::verify(&global),
        Command::Audit { command: AuditCommand::Head } => audit::head(&global),
        Command::Export { id, out } => export::run(&global, &id, out.as_deref()).await,
        Command::VerifyBundle(claim) => verify_bundle::run(&global, &claim),
        Command::SimulateHarness { addr, script } => simulate::run(addr, script.as_deref()).await,
        Command::Completions { shell } => {
            let mut command = Cli::command();
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut std::io::stdout());
            Ok(())
        }
    }
}

impl Cli {
    /// Log to standard error from now on.
    ///
    /// # Errors
    /// When the environment asks for a log that there is not.
    pub fn begin_log(&self) -> Result<(), Error> {
        log::begin(self.usual_log_filter())
    }

    /// What shows on standard error why this failed.
    pub fn reporter(&self) -> impl FnOnce(&Error) + use<> {
        let shape = match environment::log_format() {
            Ok(LogFormat::Json) => Shape::LogLine,
            _ if self.global.json => Shape::Json,
            _ => Shape::Text,
        };
        move |error| output::error(shape, error)
    }

    /// What is logged unless somebody says otherwise: a server tells its story,
    /// a command only what is wrong.
    fn usual_log_filter(&self) -> &'static str {
        match self.command {
            Command::Serve { .. } => "warn,deployment_orchestrator=info",
            _ => "warn",
        }
    }
}
