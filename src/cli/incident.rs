//! `link-incident` and `unlink-incident`: something was wrong in production, or it was not
//! that, and a person says so.

use super::{Global, act, output, wiring};
use crate::app::Error;
use crate::domain::id::{DeploymentId, IncidentId, Service};
use crate::domain::metrics::incident::Incident;
use crate::domain::time::Timestamp;

/// An incident.
#[derive(Debug, clap::Args)]
pub(super) struct Link {
    /// What it is called where it is worked on, such as INC-42.
    id: IncidentId,
    /// The service.
    #[arg(long, value_name = "NAME")]
    service: Service,
    /// When it began, such as 2026-11-24T22:13:20Z.
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    began: Timestamp,
    /// When it was over. Say it later, with the whole line once more, if it is not.
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    resolved: Option<Timestamp>,
    /// The deployment that brought it; by default what production ran then.
    #[arg(long, value_name = "ID")]
    deployment: Option<DeploymentId>,
}

pub(super) async fn link(global: &Global, link: Link) -> Result<(), Error> {
    let app = wiring::app_with_database(global)?;
    let Link { id, service, began, resolved, deployment } = link;
    let incident = Incident {
        id: id.clone(),
        service: service.clone(),
        began_at: began,
        resolved_at: resolved,
        deployment,
    };
    app.link_incident(incident, &act::person(&app)).await?;
    if !global.json {
        let until =
            resolved.map_or_else(|| "not over yet".to_owned(), |at| format!("until {}", at.to_rfc3339()));
        output::line(&format!("linked {id} to {service}: from {}, {until}", began.to_rfc3339()));
    }
    Ok(())
}

/// An incident that is none, or none of ours.
#[derive(Debug, clap::Args)]
pub(super) struct Unlink {
    /// What it was linked or imported as.
    id: IncidentId,
    /// Why it does not count.
    #[arg(long)]
    reason: String,
}

pub(super) async fn unlink(global: &Global, unlink: &Unlink) -> Result<(), Error> {
    let app = wiring::app_with_database(global)?;
    app.unlink_incident(&unlink.id, &unlink.reason, &act::person(&app)).await?;
    if !global.json {
        output::line(&format!("{} counts nowhere any more; link it again if it should", unlink.id));
    }
    Ok(())
}
