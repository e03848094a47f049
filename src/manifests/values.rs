//! Helm values, and other YAML that is no manifest: known by the names that charts use.

use super::{Page, Rules, image, secret};
use crate::domain::finding::FindingCode;
use crate::yaml::{Node, Value};

pub(super) fn check(document: &Node, rules: &Rules, page: &mut Page<'_>) {
    secret::in_values(document, page);
    named(document, rules, page);
}

fn named(node: &Node, rules: &Rules, page: &mut Page<'_>) {
    for (key, value) in node.entries() {
        match key.text() {
            Some("image") => of_image(value, rules, page),
            Some("resources") if matches!(value.value, Value::Map(_)) => of_resources(value, page),
            _ => {}
        }
        named(value, rules, page);
    }
    node.items().iter().for_each(|item| named(item, rules, page));
}

/// `image: name:tag`, or the parts. Charts take the tag from elsewhere when it is empty.
fn of_image(node: &Node, rules: &Rules, page: &mut Page<'_>) {
    if let Some(text) = node.text() {
        if !node.is_empty() {
            image::check(text, node.line, rules, page);
        }
        return;
    }
    let Some(repository) = node.text_at(&["repository"]).filter(|text| !text.is_empty()) else { return };
    let repository = match node.text_at(&["registry"]).filter(|text| !text.is_empty()) {
        Some(registry) => format!("{registry}/{repository}"),
        None => repository.to_owned(),
    };
    if let Some(tag) = node.get("tag").filter(|tag| !tag.is_empty()) {
        image::tagged(&repository, tag.text().unwrap_or_default(), tag.line, page);
    }
    image::registry(&repository, node.line, rules, page);
}

fn of_resources(node: &Node, page: &mut Page<'_>) {
    let missing: Vec<&str> =
        ["requests", "limits"].into_iter().filter(|part| node.get(part).is_none_or(Node::is_empty)).collect();
    if !missing.is_empty() {
        page.add(
            FindingCode::ResourcesMissing,
            node.line,
            &format!("the values set no {}", missing.join(" and no ")),
            "say under `resources` what it needs and what it may use at most",
        );
    }
}
