//! `messages`: what nobody was told, and telling it again.

use super::{Global, act, output, wiring};
use crate::app::Error;
use crate::domain::text::visible;
use crate::store::Which;

/// Which messages, and what to do with them.
#[derive(Debug, clap::Args)]
pub(super) struct Messages {
    /// About this deployment only.
    id: Option<String>,
    /// To this channel only.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Try them again now, those that were given up, too.
    #[arg(long)]
    resend: bool,
}

pub(super) async fn run(global: &Global, messages: &Messages) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let which = Which {
        deployment: messages.id.as_deref().map(str::parse).transpose()?,
        channel: messages.channel.as_deref().map(str::parse).transpose()?,
    };
    if messages.resend {
        let resent = app.resend(which, &act::person(&app)).await?;
        if global.json {
            return output::json(&serde_json::json!({ "resent": resent }));
        }
        output::line(&format!("{resent} messages are tried again, by the server that drives"));
        return Ok(());
    }
    let undelivered = app.messages(which).await?;
    if global.json {
        return output::json(&serde_json::json!({ "undelivered": undelivered }));
    }
    if undelivered.is_empty() {
        output::line("every message was delivered");
        return Ok(());
    }
    let rows = undelivered
        .iter()
        .map(|it| {
            vec![
                it.deployment_id.clone(),
                it.topic.clone(),
                it.address(),
                it.since.clone(),
                it.standing(),
                it.error_untrusted.as_deref().map(visible).unwrap_or_default().into_owned(),
            ]
        })
        .collect();
    output::table(&["deployment", "about", "to", "since", "", "why"], rows);
    Ok(())
}
