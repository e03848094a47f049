//! Settings: the TOML file, the process environment, and what follows from both.

mod address;
mod approval;
mod channels;
pub mod environment;
mod environments;
mod file;
mod freeze;
mod health;
mod http;
mod jira;
mod metrics;
mod oauth;
mod path;
mod people;
mod pipeline;
pub mod policy;
mod rollback;
mod sign_in;
mod url;
mod validation;
mod version;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use channels::{ChannelSection, EmailSection, SlackSection, WebhookSection};
pub use file::HarnessSection;
pub use http::HttpSection;
pub use jira::JiraSection;
pub use oauth::OauthSection;
pub use policy::Policy;
pub use sign_in::SignInSection;

use crate::domain::id::ChannelName;

/// Settings that cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not there or cannot be read.
    #[error("the config file {} cannot be read: {reason}; check --config or ORCHESTRATOR_CONFIG", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML, or has an unknown key or a wrong value.
    #[error("the config file {} is wrong: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// The environment lacks what is needed.
    #[error("{0}")]
    Missing(String),
}

/// What the file says, or the defaults.
#[derive(Debug)]
pub struct Config {
    /// The rules.
    pub policy: Policy,
    /// Where Harness is.
    pub harness: HarnessSection,
    /// Where `serve --http` is reached.
    pub http: HttpSection,
    /// The ways to tell people.
    pub channels: BTreeMap<ChannelName, ChannelSection>,
    /// Where Jira is, if there is one.
    pub jira: Option<JiraSection>,
    /// The server's private key, if not at its usual place.
    pub server_key: Option<PathBuf>,
}

/// Read the config file, or the defaults where there is none.
///
/// # Errors
/// When the file is named and unreadable, or its content is wrong.
pub fn load(path: Option<&Path>, user: &str) -> Result<Config, Error> {
    let Some(path) = path else {
        let file = file::ConfigFile::default();
        return file
            .config(user)
            .map_err(|reason| Error::Invalid { path: PathBuf::from("(defaults)"), reason });
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    let invalid = |reason: String| Error::Invalid { path: path.to_owned(), reason };
    let file: file::ConfigFile = toml::from_str(&text).map_err(|error| invalid(one_line(&error, &text)))?;
    file.config(user).map_err(invalid)
}

/// What TOML says is wrong, with the line, without its drawing.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.lines().count().max(1));
    match line {
        Some(line) => format!("line {line}: {}", error.message().replace('\n', " ")),
        None => error.message().replace('\n', " "),
    }
}
