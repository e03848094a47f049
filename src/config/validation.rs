//! `[validation]`: what blocks a deployment before anything runs.

use std::path::PathBuf;

use serde::Deserialize;

use super::policy::Validation;
use crate::domain::finding::Levels;
use crate::manifests::Rules;

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct ValidationSection {
    levels: Levels,
    manifests_root: Option<PathBuf>,
    image_registries: Option<Vec<String>>,
}

impl ValidationSection {
    pub(super) fn rules(&self) -> Result<Validation, String> {
        if let Some(root) = self.manifests_root.as_ref().filter(|root| !root.is_absolute()) {
            return Err(format!(
                "validation: `manifests_root` is `{}`; write the whole path, which does not depend on where the server is started",
                root.display()
            ));
        }
        let unnamed = |registry: &&String| registry.is_empty() || registry.contains("://");
        if let Some(wrong) = self.image_registries.iter().flatten().find(unnamed) {
            return Err(format!(
                "validation: `{wrong}` in `image_registries` is no registry; write a host such as \"ghcr.io\", or a host with the beginning of a path"
            ));
        }
        Ok(Validation {
            levels: self.levels.clone(),
            manifests_root: self.manifests_root.clone(),
            manifests: Rules { image_registries: self.image_registries.clone() },
        })
    }
}
