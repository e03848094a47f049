//! What keeps deployments out of environments, whoever wants to go there.

use super::environments::{EnvironmentView, LockView};

/// A lock or a freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosureView {
    /// A person keeps deployments out.
    Locked {
        /// The environment.
        environment: String,
        /// Those of this service; all, where there is none.
        service: Option<String>,
        /// By whom and why.
        lock: LockView,
    },
    /// The config forbids it now.
    Frozen {
        /// The environment.
        environment: String,
        /// Freezes and windows, by their names.
        by: Vec<String>,
        /// Why, from the config.
        reason: String,
        /// When it may be open again, if that is in sight.
        until: Option<String>,
    },
}

/// All of them, in the order of the environments.
pub(super) fn of(environments: &[EnvironmentView]) -> Vec<ClosureView> {
    environments.iter().flat_map(of_one).collect()
}

fn of_one(it: &EnvironmentView) -> Vec<ClosureView> {
    let environment = &it.environment;
    let frozen = it.frozen.as_ref().map(|frozen| ClosureView::Frozen {
        environment: environment.clone(),
        by: frozen.by.clone(),
        reason: frozen.reason.clone(),
        until: it.freeze_changes_at.clone(),
    });
    let locked = |service: Option<&str>, lock: &LockView| ClosureView::Locked {
        environment: environment.clone(),
        service: service.map(ToOwned::to_owned),
        lock: lock.clone(),
    };
    let of_all = it.locked.iter().map(|lock| locked(None, lock));
    // One service may come from several repositories: its lock is one all the same.
    let mut services: Vec<(&str, &LockView)> = it
        .services
        .iter()
        .filter_map(|service| Some((service.service.as_str(), service.locked.as_ref()?)))
        .collect();
    services.dedup_by_key(|(service, _)| *service);
    let of_services = services.into_iter().map(|(service, lock)| locked(Some(service), lock));
    frozen.into_iter().chain(of_all).chain(of_services).collect()
}
