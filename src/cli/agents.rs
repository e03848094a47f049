//! `freeze-agents` and `release-agents`: the kill switch. `reviews` and `review`:
//! what is left to do after the glass was broken.

use super::{Global, act, output, wiring};
use crate::app::Error;

pub(super) async fn freeze(global: &Global, reason: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let frozen = app.freeze_agents(reason, act::person(&app)).await?;
    if global.json {
        return output::json(&frozen);
    }
    output::line(&format!("all agents are stopped: {}", frozen.reason_untrusted));
    output::line("what is in flight goes on; `status` lists it, and `cancel ID` stops one");
    Ok(())
}

pub(super) async fn release(global: &Global, reason: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    app.release_agents(reason, act::person(&app)).await?;
    if !global.json {
        output::line("agents may act again, within their limits");
    }
    Ok(())
}

pub(super) async fn reviews(global: &Global) -> Result<(), Error> {
    let reviews = wiring::app(global)?.reviews().await?;
    if global.json {
        return output::json(&reviews);
    }
    if reviews.is_empty() {
        output::line("nothing is left to review");
        return Ok(());
    }
    let rows = reviews
        .into_iter()
        .map(|it| vec![it.deployment_id, it.environment, it.at, it.broken_by.join(", ")])
        .collect();
    output::table(&["deployment", "environment", "at", "broken by"], rows);
    Ok(())
}

pub(super) async fn review(global: &Global, id: &str, note: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    app.review(id, note, act::person(&app)).await?;
    if !global.json {
        output::line("reviewed");
    }
    Ok(())
}
