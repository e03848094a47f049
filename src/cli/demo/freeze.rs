//! A freeze is on when production is approved. It is judged at the trigger, and
//! what waits goes on when it ends.

use std::time::Duration;

use serde_json::{Value, json};

use super::show::Stage;
use super::{Show, text};
use crate::app::Error;
use crate::clock::{Clock as _, SystemClock};

/// How long the freeze lasts: longer than it takes to come to production.
const LASTS: Duration = Duration::from_secs(20);

pub(super) async fn play() -> Result<(), Error> {
    let now = SystemClock.now();
    let (from, to) = (now.minus(Duration::from_hours(1)).to_rfc3339(), now.plus(LASTS).to_rfc3339());
    let freeze = format!(
        "[[freezes]]\nname = \"big-sale\"\nreason = \"the shop is full of people\"\n\
         environments = [\"prod\"]\nfrom = \"{from}\"\nto = \"{to}\"\noverride = [\"dana\"]\n"
    );
    let title = "Production is frozen: what is approved waits, says why, and goes on by itself.";
    let mut show = Show::open(Stage { title, more: &freeze, ..Stage::default() }).await?;
    let status = show.start("9f3c2d1").await?;
    let id = text(&status, "deployment_id").to_owned();
    let status = show.until_asked(status).await?;
    show.approve("dana", &id, "staging looks good").await?;
    let held = |status: &Value| status.get("held_by").is_some();
    let status = show.until(status, held).await?;
    agent_asks_why(&mut show, &id).await?;
    show.until_over(status).await?;
    show.close(&id, "completed", "the freeze was judged at the trigger, and ended").await
}

async fn agent_asks_why(show: &mut Show, id: &str) -> Result<(), Error> {
    show.screen.agent("explain_transition(PROD_DEPLOYED): why does it not go on?");
    let arguments = json!({ "deployment_id": id, "event": "PROD_DEPLOYED" });
    let answer = show.session.tool("explain_transition", arguments).await?;
    let hold = answer.pointer("/held_by/0").cloned().unwrap_or_default();
    let (saw, opens) = (text(&hold, "saw_untrusted"), text(&hold, "opens_when"));
    show.screen.server(&format!("{saw}; until {opens}"));
    Ok(())
}
