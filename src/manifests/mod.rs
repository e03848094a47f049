//! What is wrong with Kubernetes manifests and Helm values, told from their text.
//!
//! Pure: whoever calls has read the files. Nothing is rendered and no cluster is
//! asked, so that a finding is about what stands there. Values of fields are
//! never part of a finding, names and images are.

mod disruption;
mod image;
mod placeholder;
mod secret;
mod values;
mod workload;

use std::collections::BTreeMap;

use crate::domain::finding::{Finding, FindingCode};
use crate::yaml::{self, Node};

/// A file below the path that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the root, with slashes.
    pub path: String,
    /// What stands in it, or why that is not known, as a phrase that completes "it ".
    pub content: Result<String, String>,
}

/// What the operator wants of manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The registries that images may come from, as a host or a host with the
    /// beginning of a path. `None`: any.
    pub image_registries: Option<Vec<String>>,
}

/// Everything that is wrong with `files`, in their order.
#[must_use]
pub fn findings(files: &[File], rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut charts: BTreeMap<&str, usize> =
        files.iter().filter_map(|file| chart_of(&file.path)).map(|chart| (chart, 0)).collect();
    let mut read: Vec<(&str, Vec<Node>)> = Vec::new();
    for file in files {
        if let Some((_, templates)) = charts.iter_mut().find(|(chart, _)| is_template(chart, &file.path)) {
            *templates += 1;
            continue;
        }
        let mut page = Page::new(&file.path);
        let documents = documents(file, &mut page);
        documents.iter().for_each(|document| document_findings(document, rules, &mut page));
        found.extend(page.findings);
        read.push((&file.path, documents));
    }
    found.extend(disruption::check(&read));
    found.extend(
        charts.into_iter().filter(|(_, templates)| *templates > 0).map(|(chart, _)| unrendered(chart)),
    );
    found
}

/// What was found in one file.
struct Page<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl<'a> Page<'a> {
    fn new(path: &'a str) -> Self {
        Self { path, findings: Vec::new() }
    }

    fn add(&mut self, code: FindingCode, line: usize, message: &str, fix: &str) {
        self.findings.push(Finding::new(code, &format!("{}:{line}", self.path), message, fix));
    }
}

/// The documents of a file, those in a `List` one by one; none where it cannot be read.
fn documents(file: &File, page: &mut Page<'_>) -> Vec<Node> {
    let text = match &file.content {
        Ok(text) => text,
        Err(why) => {
            let fix = "make it a plain file of moderate size below the path, or take it away";
            let message = format!("the file is not looked at: it {why}");
            page.findings.push(Finding::new(FindingCode::ManifestsUnreadable, &file.path, &message, fix));
            return Vec::new();
        }
    };
    match yaml::documents(text) {
        Ok(documents) => documents.into_iter().flat_map(one_by_one).collect(),
        Err(fault) => {
            // A template that nobody rendered is rarely YAML, and to be told what it is.
            match text.lines().position(|line| line.contains("{{")) {
                Some(before) => placeholder::left(page, before + 1, "{{ }}"),
                None => page.add(
                    FindingCode::YamlInvalid,
                    fault.line,
                    &format!("this is no YAML that can be read: {}", fault.what),
                    "correct the file; a YAML linter shows the same place",
                ),
            }
            Vec::new()
        }
    }
}

fn one_by_one(document: Node) -> Vec<Node> {
    if document.text_at(&["kind"]) == Some("List") {
        document.get("items").map(|items| items.items().to_vec()).unwrap_or_default()
    } else {
        vec![document]
    }
}

fn document_findings(document: &Node, rules: &Rules, page: &mut Page<'_>) {
    placeholder::check(document, page);
    if document.get("kind").is_some() && document.get("apiVersion").is_some() {
        secret::in_manifest(document, page);
        if let Some(workload) = workload::Workload::of(document) {
            workload.check(rules, page);
        }
    } else {
        values::check(document, rules, page);
    }
}

/// The folder of the chart whose `Chart.yaml` this is.
fn chart_of(path: &str) -> Option<&str> {
    match path.strip_suffix("Chart.yaml")? {
        "" => Some(""),
        folder => folder.strip_suffix('/'),
    }
}

fn is_template(chart: &str, path: &str) -> bool {
    let inside = if chart.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(chart).and_then(|it| it.strip_prefix('/'))
    };
    inside.is_some_and(|inside| inside.starts_with("templates/"))
}

fn unrendered(chart: &str) -> Finding {
    Finding::new(
        FindingCode::ChartNotRendered,
        if chart.is_empty() { "." } else { chart },
        "the templates of this chart are not rendered, so that only its values are looked at",
        "render it with `helm template` where the checkout is made, and name what comes out",
    )
}

#[cfg(test)]
mod tests;
