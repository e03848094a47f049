//! The history of a deployment, applied from its first line.

use super::deployment::Deployment;
use super::event::{Event, MainEvent};
use super::record::{EventRecord, What};

/// A line that cannot follow the lines before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unreplayable {
    /// Its position; `None` when there is no line at all.
    pub position: Option<u64>,
    /// Why not.
    pub what: String,
}

/// Apply the events of one deployment in their order, and pass over the remarks.
///
/// # Errors
/// The first line that the machine would not have written there.
pub fn replay(records: &[EventRecord]) -> Result<Deployment, Unreplayable> {
    let Some((first, later)) = records.split_first() else {
        return Err(Unreplayable { position: None, what: "it has no history".to_owned() });
    };
    let mut deployment = created(first)?;
    ends_where_it_says(&deployment, first)?;
    for record in later {
        let What::Event(event) = &record.what else { continue };
        let transition = deployment
            .apply(event, record.at)
            .map_err(|refusal| record.unreplayable(format!("the machine refuses it: {refusal}")))?;
        deployment.progress = transition.progress;
        ends_where_it_says(&deployment, record)?;
    }
    Ok(deployment)
}

fn created(first: &EventRecord) -> Result<Deployment, Unreplayable> {
    match &first.what {
        What::Event(Event::Main(MainEvent::Created { spec })) => {
            Ok(Deployment::create(first.deployment.clone(), (**spec).clone(), first.at))
        }
        other => Err(first.unreplayable(format!("its history begins with {}", other.name()))),
    }
}

fn ends_where_it_says(deployment: &Deployment, record: &EventRecord) -> Result<(), Unreplayable> {
    let (version, state) = (deployment.progress.version, deployment.progress.state.name());
    if (record.version, &record.state) == (version, &state) {
        Ok(())
    } else {
        Err(record.unreplayable(format!(
            "it says version {} and {}, and leads to version {version} and {state}",
            record.version, record.state
        )))
    }
}

impl EventRecord {
    fn unreplayable(&self, what: String) -> Unreplayable {
        Unreplayable { position: Some(self.position), what }
    }
}
