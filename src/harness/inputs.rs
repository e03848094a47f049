//! The runtime inputs of a run, as the YAML that Harness takes and shows.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::domain::id::{PipelineId, VariableName};
use crate::yaml;

/// The YAML that gives the pipeline's variables these values; empty without
/// variables, and then to be sent as an empty body, which Harness tells from none.
pub(super) fn runtime_yaml<'a>(
    pipeline: &PipelineId,
    variables: impl IntoIterator<Item = (&'a VariableName, &'a str)>,
) -> String {
    let mut yaml = String::new();
    for (name, value) in variables {
        if yaml.is_empty() {
            yaml = format!("pipeline:\n  identifier: {}\n  variables:\n", quoted(pipeline.as_str()));
        }
        let (name, value) = (quoted(name.as_str()), quoted(value));
        write!(yaml, "    - name: {name}\n      type: String\n      value: {value}\n")
            .expect("a string takes any text");
    }
    yaml
}

/// The variables that a run was given, whoever gave them; `None` where that
/// cannot be read.
pub(super) fn given(yaml: &str) -> Option<BTreeMap<VariableName, String>> {
    let mut given = BTreeMap::new();
    for document in yaml::documents(yaml).ok()? {
        let Some(variables) = document.at(&["pipeline", "variables"]) else { continue };
        for variable in variables.items() {
            let name = variable.text_at(&["name"]).and_then(|name| name.parse().ok());
            if let (Some(name), Some(value)) = (name, variable.text_at(&["value"])) {
                given.insert(name, value.to_owned());
            }
        }
    }
    Some(given)
}

/// `text` as a double-quoted YAML scalar of printable ASCII: no text can end
/// the scalar, be read as another type (`no`, `1e3`), or meet a parser that
/// refuses a character. JSON's quoting would not do: its surrogate pairs are
/// not YAML, and it leaves characters bare that YAML forbids.
fn quoted(text: &str) -> String {
    let mut scalar = String::with_capacity(text.len() + 2);
    scalar.push('"');
    for character in text.chars() {
        match (character, u32::from(character)) {
            ('"' | '\\', _) => scalar.extend(['\\', character]),
            (' '..='~', _) => scalar.push(character),
            (_, code @ ..=0xFFFF) => write!(scalar, "\\u{code:04X}").expect("a string takes any text"),
            (_, code) => write!(scalar, "\\U{code:08X}").expect("a string takes any text"),
        }
    }
    scalar.push('"');
    scalar
}
