//! What Jira answers, as far as it is read: the same on Cloud and Data Center
//! but for what a person is called.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A user. Cloud has `accountId` only; Data Center has a key, which stays when
/// the name changes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    account_id: Option<String>,
    key: Option<String>,
    name: Option<String>,
}

impl Person {
    pub(super) fn id(&self) -> Option<&str> {
        self.account_id.as_deref().or(self.key.as_deref()).or(self.name.as_deref())
    }
}

/// `GET issue/{key}/comment`: one page.
#[derive(Deserialize)]
pub(super) struct Comments {
    pub(super) comments: Vec<Comment>,
    pub(super) total: usize,
}

/// A comment. Its body is a document on Cloud and a text on Data Center.
#[derive(Deserialize)]
pub(super) struct Comment {
    pub(super) id: String,
    /// Nobody, for an account that was deleted.
    pub(super) author: Option<Person>,
    #[serde(default)]
    pub(super) body: Value,
}

/// `GET issue/{key}?fields=status`.
#[derive(Deserialize)]
pub(super) struct Issue {
    pub(super) fields: Fields,
}

#[derive(Deserialize)]
pub(super) struct Fields {
    pub(super) status: Status,
}

#[derive(Deserialize)]
pub(super) struct Status {
    pub(super) name: String,
}

/// `GET issue/{key}/transitions?expand=transitions.fields`.
#[derive(Deserialize)]
pub(super) struct Transitions {
    pub(super) transitions: Vec<Transition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transition {
    pub(super) id: String,
    pub(super) to: Status,
    /// Data Center does not say; what it lists is available.
    pub(super) is_available: Option<bool>,
    /// What its screen asks for.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, Field>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) has_default_value: bool,
}

/// Why a call was refused.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Problem {
    pub(super) error_messages: Vec<String>,
    pub(super) errors: BTreeMap<String, String>,
    /// What gateways before it say.
    pub(super) message: Option<String>,
}
