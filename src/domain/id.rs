//! Checked names and identifiers.
//!
//! Each is a newtype with one way in, [`std::str::FromStr`], so that a value of
//! the type is proof that its rule holds. There is no `From<String>`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that breaks the rule of the name or identifier it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {what}: {rule}")]
pub struct Malformed {
    /// What was wanted, with its article: `a commit SHA`.
    pub what: &'static str,
    /// What was given, shortened and free of control characters.
    pub value: String,
    /// The rule, as a phrase that completes the sentence.
    pub rule: &'static str,
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Malformed {
                        what: $what,
                        value: super::text::shortened(text, 80),
                        rule: $rule,
                    })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// A deployment's handle: `dep_` and a ULID. Sorts by time of creation.
    DeploymentId,
    "a deployment id",
    "it is `dep_` and 26 characters, as start_deployment returned it",
    |text| {
        text.strip_prefix("dep_").is_some_and(|ulid| {
            ulid.len() == 26 && ulid.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        })
    }
);

impl DeploymentId {
    /// The id of a deployment that is created at `at_ms` with these random bits.
    #[must_use]
    pub fn new(at_ms: u64, random: u128) -> Self {
        Self(format!("dep_{}", ulid::Ulid::from_parts(at_ms, random)))
    }
}

checked_text!(
    /// An incident, as whoever watches production calls it.
    IncidentId,
    "an incident id",
    "it is 1 to 128 letters, digits, `.`, `_`, `-`, `#`, `:` or `/`",
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-#:/".contains(&byte))
);

checked_text!(
    /// A Harness execution (its `planExecutionId`).
    ExecutionId,
    "an execution id",
    "it is 1 to 128 letters, digits, `_` or `-`",
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
);

checked_text!(
    /// A Harness pipeline identifier. Harness allows no hyphen.
    PipelineId,
    "a pipeline identifier",
    "it is 1 to 128 letters, digits, `_` or `$`, and starts with no digit",
    |text| (1..=128).contains(&text.len())
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$')
);

checked_text!(
    /// What Harness calls a service, an environment or an infrastructure: of the
    /// project, or with `org.` or `account.` before it.
    HarnessId,
    "a Harness identifier",
    "it is 1 to 128 letters, digits, `_`, `$` or `.`, and starts with no digit",
    |text| (1..=128).contains(&text.len())
        && !text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$.".contains(&byte))
);

checked_text!(
    /// The name of an environment, as in `deploying-<name>`.
    EnvironmentName,
    "an environment name",
    "it is 1 to 32 lower-case letters, digits or hyphens, and starts with a letter",
    |text| (1..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
);

checked_text!(
    /// The name of a path, as a start names it.
    PathName,
    "a name of a path",
    "it is 1 to 32 lower-case letters, digits or hyphens, and starts with a letter",
    |text| (1..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
);

checked_text!(
    /// The name of a freeze or of a window.
    FreezeName,
    "a name of a freeze",
    "it is 1 to 64 letters, digits, `.`, `_` or `-`",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
);

checked_text!(
    /// A commit, abbreviated or in full, in lower-case hexadecimal.
    CommitSha,
    "a commit SHA",
    "it is 7 to 64 lower-case hexadecimal digits, as `git rev-parse HEAD` prints it",
    |text| (7..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
);

checked_text!(
    /// A repository, `name` or `owner/name`.
    Repository,
    "a repository",
    "it is 1 to 200 letters, digits, `.`, `_`, `-` or `/`, such as `acme/checkout`",
    |text| (1..=200).contains(&text.len())
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with('/')
        && !text.contains("..")
        && !text.contains("//")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
);

checked_text!(
    /// A Git branch.
    Branch,
    "a branch",
    "it is 1 to 200 letters, digits, `.`, `_`, `-`, `+`, `@`, `#` or `/`, such as `main`",
    |text| (1..=200).contains(&text.len())
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@#/".contains(&byte))
);

checked_text!(
    /// A service that is deployed. It defaults to the last part of the repository.
    Service,
    "a service",
    "it is 1 to 100 letters, digits, `.`, `_` or `-`",
    |text| (1..=100).contains(&text.len())
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
);

checked_text!(
    /// A person or an agent, as the config names it.
    PrincipalName,
    "a name of a person",
    "it is 1 to 64 letters, digits, `.`, `_`, `-`, `+` or `@`",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte))
);

checked_text!(
    /// A member of a Slack workspace: the id, or the workspace's and theirs, `T…/U…`.
    SlackUser,
    "a Slack user",
    "it is the member ID of their Slack profile, such as `U012AB3CD`, or with its workspace `T0123ABCD/U012AB3CD`",
    |text| {
        let is_id = |id: &str| {
            (2..=32).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
        };
        let (team, user) = text.split_once('/').unwrap_or(("T0", text));
        is_id(team) && team.starts_with(['T', 'E']) && is_id(user) && user.starts_with(['U', 'W'])
    }
);

impl SlackUser {
    /// Whether this is the user that Slack calls `user`, of the workspace that it calls `team`.
    #[must_use]
    pub fn is(&self, team: &str, user: &str) -> bool {
        match self.0.split_once('/') {
            Some((own_team, own)) => (own_team, own) == (team, user),
            None => self.0 == user,
        }
    }

    /// Whether somebody could be both of these.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let parts = |id: &Self| match id.0.split_once('/') {
            Some((team, user)) => (Some(team.to_owned()), user.to_owned()),
            None => (None, id.0.clone()),
        };
        let ((team, user), (other_team, other_user)) = (parts(self), parts(other));
        user == other_user && (team == other_team || team.is_none() || other_team.is_none())
    }
}

checked_text!(
    /// What a bearer token is found by. It is no secret.
    TokenId,
    "the id of a token",
    "it is 16 lower-case hexadecimal digits, as `token list` shows it",
    |text| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
);

checked_text!(
    /// What the config calls a way to tell people: a Slack channel, a mailbox, a webhook.
    ChannelName,
    "a name of a channel",
    "it is 1 to 32 lower-case letters, digits or hyphens, and starts with a letter",
    |text| (1..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
);

checked_text!(
    /// A Jira issue key.
    IssueKey,
    "a Jira issue key",
    "it is a project key in capitals, a hyphen and a number, such as `SHOP-42`",
    |text| text.len() <= 64
        && text.split_once('-').is_some_and(|(project, number)| {
            project.starts_with(|first: char| first.is_ascii_uppercase())
                && project.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
);

checked_text!(
    /// A Jira project, as it stands before the hyphen of its issues' keys.
    ProjectKey,
    "a Jira project key",
    "it is 2 to 32 capitals, digits or `_`, and starts with a capital, such as `SHOP`",
    |text| (2..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
);

checked_text!(
    /// A caller's key that makes a start idempotent.
    IdempotencyKey,
    "an idempotency key",
    "it is 1 to 200 printable ASCII characters without blanks",
    |text| (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
);

checked_text!(
    /// Where manifests are, from a root that the config names. Leads nowhere else.
    ManifestPath,
    "a path of manifests",
    "it is relative to manifests_root, with slashes and without `..`, as in `deploy/checkout`",
    |text| (1..=300).contains(&text.len())
        && !text.contains(|it: char| it.is_control() || it == '\\')
        && (text == "."
            || text
                .strip_suffix('/')
                .unwrap_or(text)
                .split('/')
                .all(|part| !matches!(part, "" | "." | "..")))
);

checked_text!(
    /// The name of a pipeline variable.
    VariableName,
    "a variable name",
    "it is 1 to 128 letters, digits, `_`, `$` or `.`, and starts with no digit",
    |text| (1..=128).contains(&text.len())
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$.".contains(&byte))
);

checked_text!(
    /// What links an attempt to its execution: it travels to Harness as a
    /// pipeline variable and in the run's notes, and a lost reply is looked up
    /// by it. Unique to one attempt of one stage of one deployment.
    CorrelationKey,
    "a correlation key",
    "it is 1 to 200 letters, digits, `_`, `-`, `.` or `:`",
    |text| (1..=200).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
);

impl CorrelationKey {
    /// The key of the `ordinal`-th attempt that `deployment` ever made at the
    /// stage with this wire name.
    #[must_use]
    pub fn new(deployment: &DeploymentId, stage: &str, ordinal: u32) -> Self {
        Self(format!("{deployment}:{stage}:{ordinal}"))
    }
}
