//! `status --environments`: what runs where.

use super::output::{self, Style};
use super::{Global, wiring};
use crate::app::Error;
use crate::app::drift::DriftView;
use crate::app::environments::{EnvironmentView, EnvironmentsRequest, ServiceView};
use crate::domain::text::visible;

pub(super) async fn run(global: &Global, service: Option<String>, check_drift: bool) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let view = app.environments(EnvironmentsRequest { service, versions: None, check_drift }).await?;
    if global.json {
        return output::json(&view);
    }
    let rows: Vec<Vec<String>> = view.environments.iter().flat_map(rows).collect();
    if rows.is_empty() {
        output::line("nothing was deployed yet");
    } else {
        output::table(&["environment", "service", "commit", "since", "deployment", "now"], rows);
    }
    for environment in &view.environments {
        for warning in warnings(environment) {
            output::line(&output::styled(Style::Bad, &warning));
        }
        for service in &environment.services {
            for drift in &service.drift {
                let style = if drift.drift == "differs" { Style::Bad } else { Style::Faint };
                output::line(&output::styled(style, &compared(environment, service, drift)));
            }
        }
    }
    Ok(())
}

fn compared(environment: &EnvironmentView, service: &ServiceView, drift: &DriftView) -> String {
    let (at, of, source) = (&environment.environment, &service.service, &drift.source);
    match (&drift.ours, &drift.theirs_untrusted, &drift.why_untrusted) {
        (Some(ours), Some(theirs), _) => {
            format!("DRIFT {at} {of}: this server deployed {ours}; {source} says {}", visible(theirs))
        }
        (_, _, Some(why)) => format!("drift unknown {at} {of}: {source}: {}", visible(why)),
        _ => format!("no drift {at} {of}: {source} says the same"),
    }
}

fn rows(environment: &EnvironmentView) -> Vec<Vec<String>> {
    environment.services.iter().map(|service| row(environment, service)).collect()
}

fn row(environment: &EnvironmentView, service: &ServiceView) -> Vec<String> {
    let (commit, since, deployment) = match &service.live {
        Some(live) => (live.commit_sha.clone(), live.since.clone(), live.deployment_id.clone()),
        None => ("nothing".to_owned(), String::new(), String::new()),
    };
    let mut now = Vec::new();
    if let Some(locked) = &service.locked {
        now.push(format!("locked by {}: {}", locked.by, locked.reason_untrusted));
    }
    if let Some(by) = &service.place_taken_by {
        now.push(format!("{by} is deploying"));
    }
    if !service.queue.is_empty() {
        now.push(format!("waiting: {}", service.queue.join(", ")));
    }
    vec![environment.environment.clone(), service.service.clone(), commit, since, deployment, now.join("; ")]
}

fn warnings(environment: &EnvironmentView) -> Vec<String> {
    let name = &environment.environment;
    let frozen = environment.frozen.as_ref().map(|frozen| {
        let until =
            environment.freeze_changes_at.as_ref().map_or_else(String::new, |at| format!(" until {at}"));
        format!("{name} is frozen by {}{until}: {}", frozen.by.join(", "), frozen.reason)
    });
    let locked = environment.locked.as_ref().map(|lock| {
        format!("{name} is locked by {} since {}: {}", lock.by, lock.since, lock.reason_untrusted)
    });
    frozen.into_iter().chain(locked).collect()
}
