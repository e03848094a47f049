//! `history`: what happened, and who did it.

use super::{Global, output, wiring};
use crate::app::Error;
use crate::domain::text::visible;

/// Events asked for at a time.
const PAGE: u32 = 100;

/// Of one deployment.
pub(super) async fn of(global: &Global, id: &str) -> Result<(), Error> {
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
    if let Some(path) = &history.path {
        output::line(&format!("PATH {}; because: {}", path.meaning(), visible(&path.reason_untrusted)));
    }
    let rows = history
        .events
        .into_iter()
        .map(|it| vec![it.version.to_string(), it.at, it.event, it.state, it.by, it.channel, it.assurance])
        .collect();
    output::table(&["version", "at", "event", "state", "by", "over", "known by"], rows);
    Ok(())
}

/// Of what is about no deployment.
pub(super) async fn of_none(global: &Global) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let mut remarks = app.remarks(0).await?;
    let mut after = remarks.last().map(|last| last.position);
    while let Some(position) = after {
        let next = app.remarks(position).await?;
        after = next.last().map(|last| last.position);
        remarks.extend(next);
    }
    if global.json {
        return output::json(&serde_json::json!({ "remarks": remarks }));
    }
    if remarks.is_empty() {
        output::line("nothing happened that is about no deployment");
        return Ok(());
    }
    let rows = remarks
        .into_iter()
        .map(|it| {
            let what = it.details_untrusted.to_string();
            vec![it.position.to_string(), it.at, it.event, it.by, it.channel, it.assurance, what]
        })
        .collect();
    output::table(&["position", "at", "event", "by", "over", "known by", "what"], rows);
    Ok(())
}
