//! `history`: what happened, and who did it.

use super::{Global, output, wiring};
use crate::app::Error;

/// Events asked for at a time.
const PAGE: u32 = 100;

pub(super) async fn run(global: &Global, id: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let mut history = app.history(id, 0, PAGE).await?;
    while let Some(after) = history.next_after {
        let next = app.history(id, after, PAGE).await?;
        history.events.extend(next.events);
        history.next_after = next.next_after;
    }
    if global.json {
        return output::json(&history);
    }
    let rows = history
        .events
        .into_iter()
        .map(|it| vec![it.version.to_string(), it.at, it.event, it.state, it.by, it.channel, it.assurance])
        .collect();
    output::table(&["version", "at", "event", "state", "by", "over", "known by"], rows);
    Ok(())
}
