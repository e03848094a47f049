//! Production is broken, and a fix takes the short way: it leaves the tests and the
//! environments before out, on record, and needs two people instead of one.

use serde_json::{Value, json};

use super::show::Stage;
use super::{Show, text};
use crate::app::Error;

const PATH: &str = r#"[paths.hotfix]
skip = ["testing", "dev", "staging"]
approval = { required_approvals = 2 }
"#;

pub(super) async fn play() -> Result<(), Error> {
    let title = "A fix takes the short way to production: fewer stages, on record, and more approval.";
    let mut show = Show::open(Stage { title, more: PATH, ..Stage::default() }).await?;
    show.screen.agent(
        "start_deployment(acme/checkout, main, f1e2d30, target prod, path hotfix): refused without a reason",
    );
    let without = show
        .session
        .refusal(
            "start_deployment",
            json!({
                "repository": "acme/checkout", "branch": "main", "commit_sha": "f1e2d30", "path": "hotfix",
            }),
        )
        .await?;
    show.screen.server(&without);
    show.screen.agent("start_deployment(…, path hotfix, reason \"checkout answers 500\")");
    let more = json!({ "path": "hotfix", "reason": "checkout answers 500 to everybody" });
    let status = show.start_with("f1e2d30", more).await?;
    let id = text(&status, "deployment_id").to_owned();
    let status = show.until_asked(status).await?;
    show.approve("dana", &id, "I have read the fix").await?;
    let one = |status: &Value| {
        status.pointer("/approval/approved_by").and_then(Value::as_array).is_some_and(|by| by.len() == 1)
    };
    let status = show.until(status, one).await?;
    show.screen.server("one of two approvals: a hotfix needs more, not less");
    show.approve("erin", &id, "so have I").await?;
    show.until_over(status).await?;
    show.close(&id, "completed", "two people approved what was left out, with the reason for it").await
}
