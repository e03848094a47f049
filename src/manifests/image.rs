//! Which image runs: a certain one, from where it may come.

use super::{Page, Rules};
use crate::domain::finding::FindingCode;
use crate::domain::text::shortened;

/// So much of an image's name is shown.
const SHOWN: usize = 120;

/// Where an image comes from that names no registry.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The image of a container.
pub(super) fn check(image: &str, line: usize, rules: &Rules, page: &mut Page<'_>) {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let (repository, tag) = match name.rsplit_once(':') {
        // The colon of a port stands before a slash.
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    };
    if digest.is_none() {
        tagged(repository, tag.unwrap_or_default(), line, page);
    }
    registry(repository, line, rules, page);
}

/// The tag of an image. None means the newest.
pub(super) fn tagged(repository: &str, tag: &str, line: usize, page: &mut Page<'_>) {
    let what = match tag {
        "" => "has no tag",
        "latest" => "has the tag `latest`",
        _ => return,
    };
    page.add(
        FindingCode::ImageUnpinned,
        line,
        &format!("the image {} {what}, so that another one may run tomorrow", shortened(repository, SHOWN)),
        "name a version or, better, a digest",
    );
}

/// Whether the image may come from where it comes from.
pub(super) fn registry(repository: &str, line: usize, rules: &Rules, page: &mut Page<'_>) {
    let Some(allowed) = &rules.image_registries else { return };
    // What is yet to be put in says nothing about the registry.
    if repository.contains("{{") || repository.contains("${") || repository.contains('<') {
        return;
    }
    let full = with_registry(repository);
    let within = |prefix: &String| {
        let rest = full.strip_prefix(prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if !allowed.iter().any(within) {
        page.add(
            FindingCode::ImageRegistry,
            line,
            &format!("the image {} comes from a registry that is not allowed", shortened(&full, SHOWN)),
            "take it from one of `validation.image_registries`, or have an operator add its registry there",
        );
    }
}

fn with_registry(repository: &str) -> String {
    let host = repository.split_once('/').map(|(host, _)| host);
    let is_host = |host: &str| host.contains(['.', ':']) || host == "localhost";
    if host.is_some_and(is_host) { repository.to_owned() } else { format!("{DEFAULT_REGISTRY}/{repository}") }
}
