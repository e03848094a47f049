//! The stages of an execution in the order in which Harness runs them.
//!
//! Harness gives them as an unordered map and says of each where to go next
//! and, for groups, what is inside. The map comes from outside: a link may lead
//! nowhere or back.

use std::collections::{BTreeMap, HashSet};

use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::ports::StageDetail;

use super::reason::Reason;
use super::status::shown;
use super::wire::{Edges, Node};

/// The longest stage name that is shown.
const NAME_LIMIT: usize = 80;

/// What Harness calls a node that is a stage, and not a group of them.
const STAGE: &str = "STAGE";

/// Every stage that can be reached from `start`, once: the members of a group
/// before what comes after the group.
pub(super) fn in_order(start: Option<&str>, nodes: &BTreeMap<String, Node>) -> Vec<StageDetail> {
    let mut stages = Vec::new();
    let mut seen = HashSet::new();
    let mut ahead: Vec<&str> = start.into_iter().collect();
    while let Some(id) = ahead.pop() {
        let Some(node) = nodes.get(id).filter(|_| seen.insert(id)) else { continue };
        let (inside, next) = edges(node);
        if is_stage(node, inside) {
            stages.push(stage(node));
        }
        // The last one pushed is the next one visited.
        ahead.extend(next.iter().rev().map(String::as_str));
        ahead.extend(inside.iter().rev().map(String::as_str));
    }
    stages
}

fn edges(node: &Node) -> (&[String], &[String]) {
    match &node.edge_layout_list {
        Some(Edges { current_node_children, next_ids }) => {
            (current_node_children.as_deref().unwrap_or_default(), next_ids.as_deref().unwrap_or_default())
        }
        None => (&[], &[]),
    }
}

fn is_stage(node: &Node, inside: &[String]) -> bool {
    match node.node_group.as_deref() {
        Some(group) => group == STAGE,
        None => inside.is_empty(),
    }
}

fn stage(node: &Node) -> StageDetail {
    let name = node.name.as_deref().or(node.node_identifier.as_deref()).unwrap_or("(unnamed)");
    let failure = failure(node).text;
    StageDetail {
        name: shortened(name, NAME_LIMIT),
        harness_status: shown(node.status.as_deref().unwrap_or_default()),
        failure: Some(failure).filter(|text| !text.is_empty()),
        started_at: node.start_ts.map(Timestamp),
        ended_at: node.end_ts.map(Timestamp),
    }
}

/// Why a stage failed. Harness says it in two fields, one of them often empty.
pub(super) fn failure(node: &Node) -> Reason {
    let of_dto = Reason::of_failure(node.failure_info_dto.as_ref());
    of_dto.and(Reason::of_failure(node.failure_info.as_ref()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn names(start: &str, nodes: Value) -> Vec<String> {
        let nodes = serde_json::from_value(nodes).expect("nodes");
        in_order(Some(start), &nodes).into_iter().map(|stage| stage.name).collect()
    }

    fn stage(name: &str, next: &[&str]) -> Value {
        json!({ "nodeGroup": "STAGE", "name": name, "status": "Success",
                "edgeLayoutList": { "currentNodeChildren": [], "nextIds": next } })
    }

    fn group(children: &[&str], next: &[&str]) -> Value {
        json!({ "nodeGroup": "PARALLEL", "name": "parallel",
                "edgeLayoutList": { "currentNodeChildren": children, "nextIds": next } })
    }

    #[test]
    fn a_group_is_walked_before_what_follows_it() {
        let nodes = json!({
            "4": stage("last", &[]), "3": stage("right", &[]), "1": stage("first", &["g"]),
            "g": group(&["2", "3"], &["4"]), "2": stage("left", &[]),
        });
        assert_eq!(names("1", nodes), ["first", "left", "right", "last"]);
    }

    #[test]
    fn links_that_lead_back_or_nowhere_end_the_walk() {
        let nodes =
            json!({ "a": stage("a", &["b", "gone"]), "b": stage("b", &["a", "b"]), "c": stage("c", &[]) });
        assert_eq!(names("a", nodes), ["a", "b"]);
        assert!(names("gone", json!({})).is_empty());
    }
}
