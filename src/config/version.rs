//! `version`: where an environment says which commit it runs.

use serde::Deserialize;

use super::address::address;
use crate::domain::drift::VersionCheck;

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct VersionSection {
    url: String,
    json_pointer: Option<String>,
}

impl VersionSection {
    /// What is asked, as it is now.
    pub(super) fn check(&self) -> Result<VersionCheck, String> {
        let url = address(&self.url).map_err(|error| format!("version: {error}"))?;
        if let Some(pointer) = self.json_pointer.as_ref().filter(|pointer| !pointer.starts_with('/')) {
            return Err(format!(
                "version: `json_pointer` is `{pointer}`; write one that begins with `/`, such as \"/commit\""
            ));
        }
        Ok(VersionCheck { url, pointer: self.json_pointer.clone() })
    }
}
