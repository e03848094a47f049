//! What is said, in the Atlassian Document Format. Text nodes are text whatever they hold.

use serde_json::{Value, json};

use super::said::Said;

pub(super) fn document(said: &Said) -> Value {
    let mut content = vec![paragraph(vec![
        json!({ "type": "text", "text": said.headline, "marks": [{ "type": "strong" }] }),
    ])];
    let mut lines: Vec<Vec<Value>> = said.facts.iter().map(|fact| vec![text(fact)]).collect();
    if !said.links.is_empty() {
        lines.push(between(said.links.iter().map(|(name, url)| link(name, url)), &text(" · ")));
    }
    content.push(paragraph(lines.join(&json!({ "type": "hardBreak" }))));
    let items = said
        .timeline
        .iter()
        .map(|line| json!({ "type": "listItem", "content": [paragraph(vec![text(line)])] }));
    content.push(json!({ "type": "bulletList", "content": items.collect::<Vec<_>>() }));
    content.push(paragraph(vec![text(&said.last_line)]));
    json!({ "type": "doc", "version": 1, "content": content })
}

/// The text of the paragraph with which a document ends.
pub(super) fn last_paragraph(document: &Value) -> Option<String> {
    let last = document.get("content")?.as_array()?.last()?;
    if last.get("type")? != "paragraph" {
        return None;
    }
    last.get("content")?.as_array()?.iter().map(|node| node.get("text")?.as_str()).collect()
}

fn paragraph(content: Vec<Value>) -> Value {
    json!({ "type": "paragraph", "content": content })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn link(name: &str, url: &str) -> Value {
    json!({ "type": "text", "text": name, "marks": [{ "type": "link", "attrs": { "href": url } }] })
}

fn between(nodes: impl Iterator<Item = Value>, separator: &Value) -> Vec<Value> {
    let parts: Vec<Vec<Value>> = nodes.map(|node| vec![node]).collect();
    parts.join(separator)
}
