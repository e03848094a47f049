//! What runs containers: what each may use, and how the cluster learns whether it is well.

use super::{Page, Rules, image};
use crate::domain::finding::FindingCode;
use crate::domain::text::shortened;
use crate::yaml::Node;

/// So much of a name is shown.
const NAME_LIMIT: usize = 60;

/// What a container must say of its resources. A limit of the processor only slows it down.
const RESOURCES: [[&str; 2]; 3] = [["requests", "cpu"], ["requests", "memory"], ["limits", "memory"]];

/// A manifest that runs containers.
pub(super) struct Workload<'a> {
    document: &'a Node,
    kind: &'a str,
    pod: &'a Node,
}

impl<'a> Workload<'a> {
    /// The workload of this document, if it is one.
    pub(super) fn of(document: &'a Node) -> Option<Self> {
        let kind = document.text_at(&["kind"])?;
        let way: &[&str] = match kind {
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
                &["spec", "template", "spec"]
            }
            "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
            "Pod" => &["spec"],
            _ => return None,
        };
        Some(Self { document, kind, pod: document.at(way)? })
    }

    /// Whether it is kept running, in more than one copy.
    pub(super) fn is_replicated(&self) -> bool {
        let replicas = self.document.text_at(&["spec", "replicas"]).and_then(|it| it.parse::<u32>().ok());
        matches!(self.kind, "Deployment" | "StatefulSet") && replicas.is_some_and(|replicas| replicas > 1)
    }

    /// The labels of its pods.
    pub(super) fn labels(&self) -> Option<&'a Node> {
        self.document.at(&["spec", "template", "metadata", "labels"])
    }

    /// As `Deployment checkout`.
    pub(super) fn title(&self) -> String {
        let name = self.document.text_at(&["metadata", "name"]).unwrap_or("without a name");
        format!("{} {}", self.kind, shortened(name, NAME_LIMIT))
    }

    pub(super) fn check(&self, rules: &Rules, page: &mut Page<'_>) {
        let containers = |key: &str| self.pod.get(key).map_or(&[][..], Node::items);
        let serves = matches!(self.kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet");
        for container in containers("initContainers").iter().chain(containers("containers")) {
            if let Some(node) = container.get("image")
                && let Some(text) = node.text()
            {
                image::check(text, node.line, rules, page);
            }
            self.resources(container, page);
        }
        for container in containers("containers").iter().filter(|_| serves) {
            self.probes(container, page);
        }
    }

    fn resources(&self, container: &Node, page: &mut Page<'_>) {
        let resources = container.get("resources");
        let missing: Vec<String> = RESOURCES
            .iter()
            .filter(|way| resources.and_then(|it| it.at(*way)).is_none_or(Node::is_empty))
            .map(|way| way.join("."))
            .collect();
        if !missing.is_empty() {
            page.add(
                FindingCode::ResourcesMissing,
                resources.unwrap_or(container).line,
                &format!("{} does not set {}", self.container(container), missing.join(", ")),
                "say under `resources` what it needs and what it may use at most",
            );
        }
    }

    fn probes(&self, container: &Node, page: &mut Page<'_>) {
        let missing: Vec<&str> = ["livenessProbe", "readinessProbe"]
            .into_iter()
            .filter(|probe| container.get(probe).is_none_or(Node::is_empty))
            .collect();
        if !missing.is_empty() {
            page.add(
                FindingCode::ProbeMissing,
                container.line,
                &format!("{} has no {}", self.container(container), missing.join(" and no ")),
                "give it probes, so that the cluster sends it no traffic when it is not ready, and restarts it when it hangs",
            );
        }
    }

    fn container(&self, container: &Node) -> String {
        let name = container.text_at(&["name"]).unwrap_or("without a name");
        format!("the container {} of {}", shortened(name, NAME_LIMIT), self.title())
    }
}
