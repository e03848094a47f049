//! How far an agent may go, whoever it acts for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::id::EnvironmentName;

/// The limits of one person's agents. Nothing here lets an agent do what its
/// person may not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// It changes nothing.
    pub read_only: bool,
    /// The environments of the deployments that it may change; `None`: all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// Deployments that it may start in an hour; `None`: any number.
    pub starts_per_hour: Option<u32>,
    /// Rollbacks that it may begin in a day; `None`: any number.
    pub rollbacks_per_day: Option<u32>,
}

/// The span in which starts are counted.
pub const START_SPAN: Duration = Duration::from_hours(1);

/// The span in which rollbacks are counted.
pub const ROLLBACK_SPAN: Duration = Duration::from_hours(24);

impl Limits {
    /// The first of these environments that is beyond the limits.
    #[must_use]
    pub fn beyond<'a>(
        &self,
        mut environments: impl Iterator<Item = &'a EnvironmentName>,
    ) -> Option<&'a EnvironmentName> {
        let allowed = self.environments.as_ref()?;
        environments.find(|environment| !allowed.contains(*environment))
    }
}
