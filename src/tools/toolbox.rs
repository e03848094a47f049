//! All tools, and which of them a session is told of.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::Tool as Advertised;

use super::tool::{self, Tool};
use super::{
    Server, approve, cancel_deployment, explain_transition, get_environments, get_history, get_metrics,
    get_status, harness_get_execution, harness_get_execution_url, harness_list_executions,
    harness_trigger_pipeline, link_jira_issue, list_deployments, plan_deployment, reject,
    rollback_deployment, start_deployment, transition, wait_for_deployment,
};
use crate::app::{App, Session};
use crate::domain::role::Right;

/// The tools, in the order in which clients see them.
pub(super) static TOOLS: LazyLock<Toolbox> = LazyLock::new(|| {
    Toolbox::default()
        .with::<plan_deployment::PlanDeployment>()
        .with::<start_deployment::StartDeployment>()
        .with::<transition::Transition>()
        .with::<explain_transition::ExplainTransition>()
        .with::<approve::Approve>()
        .with::<reject::Reject>()
        .with::<get_status::GetStatus>()
        .with::<wait_for_deployment::WaitForDeployment>()
        .with::<list_deployments::ListDeployments>()
        .with::<get_environments::GetEnvironments>()
        .with::<get_history::GetHistory>()
        .with::<get_metrics::GetMetrics>()
        .with::<cancel_deployment::CancelDeployment>()
        .with::<rollback_deployment::RollbackDeployment>()
        .with::<link_jira_issue::LinkJiraIssue>()
        .with::<harness_trigger_pipeline::HarnessTriggerPipeline>()
        .with::<harness_get_execution::HarnessGetExecution>()
        .with::<harness_list_executions::HarnessListExecutions>()
        .with::<harness_get_execution_url::HarnessGetExecutionUrl>()
});

/// The routes, and of which rights each tool takes one.
#[derive(Default)]
pub(super) struct Toolbox {
    pub(super) router: ToolRouter<Server>,
    rights: BTreeMap<&'static str, &'static [Right]>,
}

impl Toolbox {
    fn with<T: Tool>(mut self) -> Self {
        self.rights.insert(T::CARD.name, T::RIGHTS);
        Self { router: self.router.with_route(tool::route::<T>()), rights: self.rights }
    }

    /// Those that a session may call. The others refuse by themselves, too.
    pub(super) fn listed_for(&self, app: &App, session: &Session) -> Vec<Advertised> {
        let mut tools = self.router.list_all();
        tools.retain(|tool| self.rights.get(&*tool.name).is_some_and(|rights| app.may(session, rights)));
        tools
    }
}
