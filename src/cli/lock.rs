//! `lock` and `unlock`: a person keeps everybody out of an environment.

use super::{Global, act, output, wiring};
use crate::app::Error;

/// Which environment, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Lock {
    /// The environment.
    environment: String,
    /// Of this service alone; of all by default.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
}

impl Lock {
    fn what(&self) -> String {
        self.service.as_ref().map_or_else(
            || format!("{} for every service", self.environment),
            |service| format!("{} for {service}", self.environment),
        )
    }
}

pub(super) async fn lock(global: &Global, lock: &Lock) -> Result<(), Error> {
    let app = wiring::app_with_database(global)?;
    let person = act::person(&app);
    app.lock(&lock.environment, lock.service.as_deref(), &lock.reason, &person).await?;
    if !global.json {
        output::line(&format!("locked {}; what runs there goes on, and nothing else begins", lock.what()));
    }
    Ok(())
}

pub(super) async fn unlock(global: &Global, lock: &Lock) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let person = act::person(&app);
    app.unlock(&lock.environment, lock.service.as_deref(), &lock.reason, &person).await?;
    if !global.json {
        output::line(&format!("unlocked {}", lock.what()));
    }
    Ok(())
}
