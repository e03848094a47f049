//! The history of a deployment, applied from its first line.

use super::deployment::Deployment;
use super::event::{Event, MainEvent};
use super::record::{EventRecord, What};
use super::remark::Remark;
use super::time::Timestamp;
use super::transition::{Deployed, Review};

/// What a history makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The deployment as it is after the last line.
    pub deployment: Deployment,
    /// The versions that it brought to environments, in their order.
    pub delivered: Vec<Delivered>,
    /// The reviews that it asked for, in their order.
    pub reviews: Vec<Reviewing>,
}

/// A version that an environment got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The position of the event that says so.
    pub position: u64,
    /// When.
    pub at: Timestamp,
    /// What, and where.
    pub deployed: Deployed,
}

/// A review, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewing {
    /// The position of the event that asks for it.
    pub opened: u64,
    /// Of what.
    pub review: Review,
    /// The position of the remark that closed it.
    pub closed: Option<u64>,
}

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
pub fn replay(records: &[EventRecord]) -> Result<Replayed, Unreplayable> {
    let Some((first, later)) = records.split_first() else {
        return Err(Unreplayable { position: None, what: "it has no history".to_owned() });
    };
    let mut replayed = Replayed::begin(first)?;
    for record in later {
        replayed.follow(record)?;
    }
    Ok(replayed)
}

impl Replayed {
    /// What the first line makes.
    ///
    /// # Errors
    /// When no history begins with it.
    pub fn begin(first: &EventRecord) -> Result<Self, Unreplayable> {
        let What::Event(Event::Main(MainEvent::Created { spec })) = &first.what else {
            return Err(first.unreplayable(format!("its history begins with {}", first.what.name())));
        };
        let deployment = Deployment::create(first.deployment.clone(), (**spec).clone(), first.at);
        ends_where_it_says(&deployment, first)?;
        Ok(Self { deployment, delivered: Vec::new(), reviews: Vec::new() })
    }

    /// Apply the next line, or pass over it.
    ///
    /// # Errors
    /// When the machine would not have written it there.
    pub fn follow(&mut self, record: &EventRecord) -> Result<(), Unreplayable> {
        match &record.what {
            What::Event(event) => self.apply(event, record),
            What::Remark(remark) => {
                if let Remark::Reviewed { .. } = remark {
                    self.close(record.position);
                }
                // A remark moves nothing.
                ends_where_it_says(&self.deployment, record)
            }
        }
    }

    fn apply(&mut self, event: &Event, record: &EventRecord) -> Result<(), Unreplayable> {
        let transition = self
            .deployment
            .apply(event, record.at)
            .map_err(|refusal| record.unreplayable(format!("the machine refuses it: {refusal}")))?;
        self.deployment.progress = transition.progress;
        let (position, at) = (record.position, record.at);
        self.delivered.extend(transition.deployed.map(|deployed| Delivered { position, at, deployed }));
        self.reviews.extend(transition.review.map(|review| Reviewing {
            opened: position,
            review,
            closed: None,
        }));
        ends_where_it_says(&self.deployment, record)
    }

    fn close(&mut self, position: u64) {
        for reviewing in &mut self.reviews {
            reviewing.closed.get_or_insert(position);
        }
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
    pub(super) fn unreplayable(&self, what: String) -> Unreplayable {
        Unreplayable { position: Some(self.position), what }
    }
}
