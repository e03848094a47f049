//! Putting the parts together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Global, jira, output};
use crate::app::{App, Code, Error};
use crate::clock::{SystemClock, SystemRandom};
use crate::config::{self, Config, Policy, environment};
use crate::harness::{Absent, Client, Settings};
use crate::jira::NoJira;
use crate::ports::{Executions, PROBE_TIMEOUT, Pipelines};
use crate::probe::HttpProbe;
use crate::store::Store;
use crate::tally::Tally;
use crate::wake::Wake;

/// The two ports of one Harness.
pub(super) struct Harness {
    pub(super) executions: Arc<dyn Executions>,
    pub(super) pipelines: Arc<dyn Pipelines>,
}

impl<H: Executions + Pipelines + 'static> From<H> for Harness {
    fn from(harness: H) -> Self {
        let harness = Arc::new(harness);
        Self { executions: Arc::<H>::clone(&harness), pipelines: harness }
    }
}

/// A client of a real Harness, or of a simulator that is one.
pub(super) fn harness(settings: Settings, tally: &Tally) -> Result<Harness, Error> {
    let client = Client::new(settings, Arc::new(SystemRandom), tally).map_err(|error| {
        Error::new(
            Code::ConfigInvalid,
            error.to_string(),
            "correct HARNESS_BASE_URL or HARNESS_API_KEY and start again",
        )
    })?;
    Ok(client.into())
}

/// What asks environments questions.
fn probe(tally: &Tally) -> Result<HttpProbe, Error> {
    HttpProbe::new(PROBE_TIMEOUT, tally).map_err(|error| {
        Error::new(
            Code::ConfigInvalid,
            error.to_string(),
            "install the root certificates of the system and start again",
        )
    })
}

/// The use cases for a command that reads the database and writes an event.
pub(super) fn app(global: &Global) -> Result<App, Error> {
    over(global, &database_with_content(global)?)
}

/// The same for one that may come before the first `serve`, and makes the database.
pub(super) fn app_with_database(global: &Global) -> Result<App, Error> {
    over(global, &global.database(false)?)
}

fn over(global: &Global, path: &Path) -> Result<App, Error> {
    let Config { policy, harness: section, jira, .. } = settings(global)?;
    // Nobody asks a command what it has counted.
    let tally = Tally::default();
    let harness = match environment::harness_settings(&section) {
        Ok(settings) => harness(settings, &tally)?,
        Err(error) => Absent { reason: error.to_string() }.into(),
    };
    let tracker = jira::tracker_for_a_look(jira.as_ref(), &tally)?;
    Ok(App { tracker, ..assemble(path, policy, harness, &tally)? })
}

/// The use cases over this database and this Harness.
pub(super) fn assemble(path: &Path, policy: Policy, harness: Harness, tally: &Tally) -> Result<App, Error> {
    not_a_folder(path)?;
    Ok(App {
        store: Arc::new(Store::open(path)?),
        policy: Arc::new(policy),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        wake: Wake::default(),
        executions: harness.executions,
        probe: Arc::new(probe(tally)?),
        tracker: Arc::new(NoJira),
        pipelines: harness.pipelines,
        server_key: None,
    })
}

/// What the config file says, or the defaults.
pub(super) fn settings(global: &Global) -> Result<Config, Error> {
    config::load(global.config_file()?.as_deref(), &environment::os_user()).map_err(|error| unusable(&error))
}

/// Settings that cannot be used.
pub(super) fn unusable(error: &config::Error) -> Error {
    Error::new(Code::ConfigInvalid, error.to_string(), "correct the settings and start again")
}

/// The database that is there. Where there is none, it says so instead of making one.
pub(super) fn database_with_content(global: &Global) -> Result<PathBuf, Error> {
    let path = global.database(false)?;
    if path.exists() {
        not_a_folder(&path)?;
        return Ok(path);
    }
    if global.db.is_none() {
        let simulated = global.database(true)?;
        if simulated.exists() {
            output::note(&format!("using the database of `serve --simulate`, {}", simulated.display()));
            return Ok(simulated);
        }
    }
    Err(Error::new(
        Code::DatabaseUnusable,
        format!("there is no database at {}", path.display()),
        "name it with --db or ORCHESTRATOR_DB; `serve` makes it",
    ))
}

fn not_a_folder(path: &Path) -> Result<(), Error> {
    if !path.is_dir() {
        return Ok(());
    }
    Err(Error::new(
        Code::DatabaseUnusable,
        format!("the database {} is a folder", path.display()),
        format!("name a file, such as --db {}", path.join("orchestrator.db").display()),
    ))
}
