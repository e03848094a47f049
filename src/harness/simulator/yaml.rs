//! Reads the runtime inputs that clients send: the documented skeleton of
//! `pipeline: identifier, variables: - name, type, value`, and not YAML at large.

use std::collections::BTreeMap;

use crate::domain::id::PipelineId;

/// The identifier and the variables in `yaml`; nothing where it is no such skeleton.
pub(super) fn parse(yaml: &str) -> Option<(Option<String>, BTreeMap<String, String>)> {
    let mut identifier = None;
    let mut variables = BTreeMap::new();
    let mut name = None;
    for line in yaml.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (field, value) = line.strip_prefix("- ").unwrap_or(line).split_once(':')?;
        match field.trim() {
            "pipeline" | "variables" | "type" => {}
            "identifier" => identifier = Some(scalar(value)?),
            "name" => name = Some(scalar(value)?),
            "value" => drop(variables.insert(name.take()?, scalar(value)?)),
            _ => return None,
        }
    }
    Some((identifier, variables))
}

/// The variables that every pipeline is given.
const USUAL: [&str; 7] =
    ["repository", "service", "branch", "commit_sha", "deployment_id", "environment", "correlation_key"];

/// The template of a pipeline that takes what it is usually given.
pub(super) fn usual_template(pipeline: &PipelineId) -> String {
    let variables =
        USUAL.map(|name| format!("    - name: {name}\n      type: String\n      value: <+input>\n"));
    format!("pipeline:\n  identifier: {pipeline}\n  variables:\n{}", variables.concat())
}

fn scalar(text: &str) -> Option<String> {
    let text = text.trim();
    match text.strip_prefix('"') {
        Some(rest) => unescaped(rest.strip_suffix('"')?),
        None => Some(text.to_owned()),
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(match characters.next()? {
                quoted @ ('"' | '\\' | '/') => quoted,
                'n' => '\n',
                't' => '\t',
                'u' => code_point(characters.by_ref().take(4))?,
                'U' => code_point(characters.by_ref().take(8))?,
                _ => return None,
            }),
            '"' => return None,
            plain_character => plain.push(plain_character),
        }
    }
    Some(plain)
}

fn code_point(digits: impl Iterator<Item = char>) -> Option<char> {
    char::from_u32(u32::from_str_radix(&digits.collect::<String>(), 16).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;
    use crate::harness::inputs::runtime_yaml;

    #[test]
    fn what_is_sent_is_plain_and_safely_quoted() {
        let pipeline = "deploy_dev".parse().expect("a pipeline");
        let name = "tag".parse().expect("a name");
        let yaml = runtime_yaml(&pipeline, [(&name, "no\n  evil: \"\u{1F600}\u{85}\\")]);
        insta::assert_snapshot!(yaml, @r#"
        pipeline:
          identifier: "deploy_dev"
          variables:
            - name: "tag"
              type: String
              value: "no\u000A  evil: \"\U0001F600\u0085\\"
        "#);
        assert_eq!(runtime_yaml(&pipeline, []), "");
    }

    proptest! {
        #[test]
        fn any_value_arrives_as_it_was_sent(value in any::<String>(), other in any::<String>()) {
            let pipeline = "deploy_dev".parse().expect("a pipeline");
            let names = ["a".parse().expect("a name"), "b".parse().expect("a name")];
            let yaml = runtime_yaml(&pipeline, names.iter().zip([value.as_str(), other.as_str()]));
            prop_assert!(yaml.is_ascii());
            let (identifier, variables) = parse(&yaml).expect("our own YAML");
            prop_assert_eq!(identifier.as_deref(), Some("deploy_dev"));
            prop_assert_eq!(variables.get("a"), Some(&value));
            prop_assert_eq!(variables.get("b"), Some(&other));
        }
    }
}
