//! Text of the config with placeholders for what only a deployment knows, such
//! as `checkout:${deployment.commit_sha}`.
//!
//! It is parsed when the config is loaded, and nothing else ever is: neither a
//! caller's variables nor a value that was filled in. Text without a placeholder
//! is stored as what it means, as it was before there were placeholders, so that
//! a stored text never becomes a template; one with placeholders is stored as
//! `{"template": "…"}`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::hex;
use super::id::Malformed;
use super::text::shortened;

/// Text, and where something is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

/// What can be filled in. In a restore, all of it is said of the version that is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `${deployment.id}`
    Id,
    /// `${deployment.repository}`
    Repository,
    /// `${deployment.service}`
    Service,
    /// `${deployment.branch}`
    Branch,
    /// `${deployment.commit_sha}`
    CommitSha,
    /// `${environment.name}`, where something is deployed to one.
    Environment,
}

impl Placeholder {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Id, Self::Repository, Self::Service, Self::Branch, Self::CommitSha, Self::Environment];

    /// What stands between the braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "deployment.id",
            Self::Repository => "deployment.repository",
            Self::Service => "deployment.service",
            Self::Branch => "deployment.branch",
            Self::CommitSha => "deployment.commit_sha",
            Self::Environment => "environment.name",
        }
    }
}

const OPENS: &str = "${";
const ESCAPED: &str = "$${";

impl Template {
    /// Text that means itself.
    #[must_use]
    pub fn plain(text: String) -> Self {
        Self(vec![Part::Text(text)])
    }

    /// The text, with `value` in the place of each placeholder. What was filled in is not read again.
    #[must_use]
    pub fn filled(&self, value: impl Fn(Placeholder) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(placeholder) => value(*placeholder),
        };
        self.0.iter().map(part).collect()
    }

    /// Its placeholders, in their order.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.0.iter().filter_map(|part| match part {
            Part::Value(placeholder) => Some(*placeholder),
            Part::Text(_) => None,
        })
    }

    /// As it is written in the config.
    fn written(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.replace(OPENS, ESCAPED),
            Part::Value(placeholder) => format!("{OPENS}{}}}", placeholder.name()),
        };
        self.0.iter().map(part).collect()
    }
}

impl FromStr for Template {
    type Err = Malformed;

    fn from_str(written: &str) -> Result<Self, Malformed> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once(OPENS) {
            if let Some(before) = before.strip_suffix('$') {
                text.push_str(before);
                text.push_str(OPENS);
                rest = after;
                continue;
            }
            let (name, after) = after.split_once('}').ok_or_else(|| unknown(after))?;
            let placeholder =
                Placeholder::ALL.into_iter().find(|it| it.name() == name).ok_or_else(|| unknown(name))?;
            text.push_str(before);
            parts.extend([Part::Text(std::mem::take(&mut text)), Part::Value(placeholder)]);
            rest = after;
        }
        text.push_str(rest);
        parts.push(Part::Text(text));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }
}

/// `value` with everything encoded that means something in a URL (RFC 3986, 2.3).
#[must_use]
pub fn in_a_url(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode(&[byte]).to_ascii_uppercase());
        }
    }
    encoded
}

fn unknown(name: &str) -> Malformed {
    Malformed {
        what: "a placeholder",
        value: shortened(&format!("{OPENS}{name}}}"), 80),
        rule: "there are ${deployment.id}, ${deployment.repository}, ${deployment.service}, \
               ${deployment.branch}, ${deployment.commit_sha} and ${environment.name}; write $${ where ${ itself is meant",
    }
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Plain(String),
    Written(Written),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    template: String,
}

impl From<Template> for Stored {
    fn from(template: Template) -> Self {
        match template.placeholders().next() {
            None => Self::Plain(template.filled(|_| String::new())),
            Some(_) => Self::Written(Written { template: template.written() }),
        }
    }
}

impl TryFrom<Stored> for Template {
    type Error = Malformed;

    fn try_from(stored: Stored) -> Result<Self, Malformed> {
        match stored {
            Stored::Plain(text) => Ok(Self::plain(text)),
            Stored::Written(Written { template }) => template.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &Template) -> String {
        template.filled(|placeholder| placeholder.name().to_ascii_uppercase())
    }

    #[test]
    fn a_template_is_filled_stored_and_read_again() {
        for (written, means, stored) in [
            ("", "", r#""""#),
            ("6", "6", r#""6""#),
            ("costs 5$ {a}", "costs 5$ {a}", r#""costs 5$ {a}""#),
            ("$${deployment.id}", "${deployment.id}", r#""${deployment.id}""#),
            ("${deployment.id}", "DEPLOYMENT.ID", r#"{"template":"${deployment.id}"}"#),
            (
                "${deployment.service}:${deployment.commit_sha}-x",
                "DEPLOYMENT.SERVICE:DEPLOYMENT.COMMIT_SHA-x",
                r#"{"template":"${deployment.service}:${deployment.commit_sha}-x"}"#,
            ),
            (
                "$${a}/${environment.name}",
                "${a}/ENVIRONMENT.NAME",
                r#"{"template":"$${a}/${environment.name}"}"#,
            ),
        ] {
            let template: Template = written.parse().unwrap();
            assert_eq!(filled(&template), means, "{written}");
            assert_eq!(serde_json::to_string(&template).unwrap(), stored, "{written}");
            let read: Template = serde_json::from_str(stored).unwrap();
            assert_eq!(filled(&read), means, "{stored}");
            assert_eq!(serde_json::to_string(&read).unwrap(), stored, "{stored}");
        }
    }

    #[test]
    fn what_is_no_placeholder_is_an_error_that_lists_them() {
        for written in
            ["${}", "${deployment.sha}", "a ${deployment.id", "${ deployment.id}", "${a ${deployment.id}"]
        {
            let said = written.parse::<Template>().unwrap_err().to_string();
            for placeholder in Placeholder::ALL {
                assert!(said.contains(&format!("${{{}}}", placeholder.name())), "{written}: {said}");
            }
            assert!(said.contains("$${"), "{said}");
        }
    }

    #[test]
    fn text_that_was_stored_before_there_were_placeholders_means_itself() {
        let stored = r#""${deployment.id} and ${whatever}""#;
        let template: Template = serde_json::from_str(stored).unwrap();
        assert_eq!(filled(&template), "${deployment.id} and ${whatever}");
        assert_eq!(serde_json::to_string(&template).unwrap(), stored);
    }
}
