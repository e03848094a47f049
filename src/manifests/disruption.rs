//! Whatever runs in several copies says how many of them may go at once.

use super::Page;
use super::workload::Workload;
use crate::domain::finding::{Finding, FindingCode};
use crate::yaml::Node;

/// Replicated workloads that no PodDisruptionBudget among the documents covers.
pub(super) fn check(read: &[(&str, Vec<Node>)]) -> Vec<Finding> {
    let all = || read.iter().flat_map(|(path, documents)| documents.iter().map(move |it| (*path, it)));
    let budgets: Vec<&Node> = all()
        .map(|(_, document)| document)
        .filter(|document| document.text_at(&["kind"]) == Some("PodDisruptionBudget"))
        .collect();
    let mut findings = Vec::new();
    for (path, document) in all() {
        let Some(workload) = Workload::of(document).filter(Workload::is_replicated) else { continue };
        if !budgets.iter().any(|budget| same_namespace(budget, document) && covers(budget, &workload)) {
            let mut page = Page::new(path);
            page.add(
                FindingCode::DisruptionBudgetMissing,
                document.line,
                &format!("{} runs in several copies, and no PodDisruptionBudget covers it", workload.title()),
                "add a PodDisruptionBudget whose selector matches its pods",
            );
            findings.extend(page.findings);
        }
    }
    findings
}

/// Where one of them does not say, the namespace is given later, to both.
fn same_namespace(one: &Node, other: &Node) -> bool {
    let namespace = |node: &Node| node.text_at(&["metadata", "namespace"]).map(str::to_owned);
    namespace(one).zip(namespace(other)).is_none_or(|(one, other)| one == other)
}

fn covers(budget: &Node, workload: &Workload<'_>) -> bool {
    let Some(selector) = budget.at(&["spec", "selector"]) else { return false };
    // Expressions are not evaluated, and count as matching.
    let wanted = selector.get("matchLabels").map_or(&[][..], Node::entries);
    wanted.iter().all(|(key, value)| {
        let own = key.text().and_then(|key| workload.labels()?.text_at(&[key]));
        own.is_some() && own == value.text()
    })
}
