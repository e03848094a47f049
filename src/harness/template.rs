//! The runtime input template of a pipeline: YAML that repeats the pipeline as
//! far as values are open, with `<+input>` where one is to be given.

use crate::domain::id::VariableName;
use crate::domain::runtime_input::{Asked, RuntimeInput, RuntimeInputs};
use crate::domain::text::shortened;
use crate::yaml::{self, Fault, Node, Value};

/// What stands for a value that is to be given.
const OPEN: &str = "<+input>";

/// The most inputs that are looked at; a pipeline with more is generated, and
/// its inputs come from input sets.
const INPUT_LIMIT: usize = 1_000;

/// The longest way to a field that is shown.
const WAY_LIMIT: usize = 120;

/// The template in `text`, which is empty for a pipeline that asks for nothing.
pub(super) fn parse(text: &str, correlation_variable: &VariableName) -> Result<RuntimeInputs, Fault> {
    let mut template = RuntimeInputs::default();
    for document in yaml::documents(text)? {
        let Some(pipeline) = document.get("pipeline") else { continue };
        for (key, value) in pipeline.entries() {
            match key.text() {
                Some("variables") => value.items().iter().for_each(|it| variable(it, &mut template.inputs)),
                Some(name) => fields(value, name, &mut template.inputs),
                None => {}
            }
        }
    }
    template.inputs.truncate(INPUT_LIMIT);
    template.takes_key = template.variable(correlation_variable).is_some();
    template.inputs.retain(|input| input.asked != Asked::Variable(correlation_variable.clone()));
    Ok(template)
}

/// A pipeline variable. Without `required`, a run goes on with nothing in it.
fn variable(node: &Node, into: &mut Vec<RuntimeInput>) {
    let Some(name) = node.text_at(&["name"]).and_then(|name| name.parse().ok()) else { return };
    let Some(expression) = node.text_at(&["value"]).filter(|value| value.starts_with(OPEN)) else { return };
    let has_default = node.get("default").is_some_and(|default| !default.is_empty());
    let required = node.text_at(&["required"]) == Some("true") && !has_default;
    into.push(input(Asked::Variable(name), required, expression));
}

/// Everything open below `node`. The template names list items by position.
fn fields(node: &Node, way: &str, into: &mut Vec<RuntimeInput>) {
    match &node.value {
        Value::Scalar(text, _) if text.starts_with(OPEN) => {
            into.push(input(Asked::Field(shortened(way, WAY_LIMIT)), true, text));
        }
        // A default beside the value says that it need not be given.
        Value::Map(_) if node.get("default").is_some_and(|default| !default.is_empty()) => {}
        Value::Map(entries) => {
            for (key, value) in entries {
                fields(value, &format!("{way}.{}", key.text().unwrap_or("?")), into);
            }
        }
        Value::List(items) => {
            for item in items {
                fields(item, &named(way, item), into);
            }
        }
        Value::Scalar(..) => {}
    }
}

/// The way to a list item, by its identifier if it has one, as stages and steps do.
fn named(way: &str, item: &Node) -> String {
    let inner = item.entries().first().map(|(_, inner)| inner);
    let name = ["identifier", "name"]
        .into_iter()
        .find_map(|key| item.text_at(&[key]).or_else(|| inner?.text_at(&[key])));
    name.map_or_else(|| way.to_owned(), |name| format!("{way}.{name}"))
}

/// `<+input>` with its methods, such as `<+input>.default(a).allowedValues(a,b)`.
/// What we do not understand restricts nothing: Harness checks it again.
fn input(asked: Asked, required: bool, expression: &str) -> RuntimeInput {
    let allowed = argument(expression, "allowedValues").map(list).unwrap_or_default();
    let pattern = argument(expression, "regex").map(bare).filter(|it| !it.contains("<+"));
    // Given while the pipeline runs, and not by us.
    let later = expression.contains(".executionInput()");
    let required = required && !later && argument(expression, "default").is_none();
    RuntimeInput { asked, required, allowed, pattern: pattern.map(str::to_owned) }
}

/// What stands in the brackets after `.name`; brackets inside are balanced.
fn argument<'a>(expression: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = expression.split_once(&format!(".{name}("))?;
    let mut depth = 1_usize;
    for (at, character) in rest.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return rest.get(..at);
        }
    }
    None
}

/// The values of a list; none where an expression or a comma inside of a value
/// makes it other than plain.
fn list(text: &str) -> Vec<String> {
    if text.contains("<+") || text.contains('\\') {
        return Vec::new();
    }
    text.split(',').map(|value| bare(value.trim()).to_owned()).collect()
}

/// `text` without the quotes around it.
fn bare(text: &str) -> &str {
    let unquoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    unquoted('\'').or_else(|| unquoted('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> RuntimeInputs {
        parse(text, &"correlation_key".parse().expect("a name")).expect("a template")
    }

    #[test]
    fn variables_and_fields_are_told_apart() {
        let template = template(
            r#"
pipeline:
  identifier: deploy_dev
  stages:
    - stage:
        identifier: rollout
        spec:
          service: { serviceRef: <+input> }
          replicas: <+input>.default(2)
          token: <+input>.executionInput()
  variables:
    - { name: image_tag, type: String, required: true, value: "<+input>" }
    - { name: region, type: String, value: <+input> }
    - { name: size, type: String, default: s, required: true, value: <+input> }
    - { name: fixed, type: String, value: x }
    - { name: correlation_key, type: String, value: <+input> }
"#,
        );
        let said: Vec<(String, bool)> = template
            .inputs
            .iter()
            .map(|input| match &input.asked {
                Asked::Variable(name) => (name.to_string(), input.required),
                Asked::Field(way) => (format!("/{way}"), input.required),
            })
            .collect();
        let expected = [
            ("/stages.rollout.stage.spec.service.serviceRef", true),
            ("/stages.rollout.stage.spec.replicas", false),
            ("/stages.rollout.stage.spec.token", false),
            ("image_tag", true),
            ("region", false),
            ("size", false),
        ];
        assert_eq!(said, expected.map(|(name, required)| (name.to_owned(), required)));
        assert!(template.takes_key);
    }

    #[test]
    fn restrictions_are_read_where_they_are_plain() {
        for (expression, allowed, pattern) in [
            ("<+input>", &[][..], None),
            ("<+input>.allowedValues(a, b)", &["a", "b"][..], None),
            ("<+input>.default('a').allowedValues('a',\"b\")", &["a", "b"][..], None),
            ("<+input>.allowedValues(<+pipeline.x>,b)", &[][..], None),
            (r"<+input>.allowedValues(\'a,b\')", &[][..], None),
            ("<+input>.regex(^(v|w)[0-9]+$)", &[][..], Some("^(v|w)[0-9]+$")),
            ("<+input>.regex('a.*').allowedValues(ab)", &["ab"][..], Some("a.*")),
            ("<+input>.regex(<+x>)", &[][..], None),
            ("<+input>.allowedValues(a", &[][..], None),
        ] {
            let input = input(Asked::Field(String::new()), true, expression);
            assert_eq!(input.allowed, allowed, "{expression}");
            assert_eq!(input.pattern.as_deref(), pattern, "{expression}");
        }
    }

    #[test]
    fn a_pipeline_may_ask_for_nothing() {
        assert_eq!(template(""), RuntimeInputs::default());
        assert_eq!(template("pipeline:\n  identifier: x\n"), RuntimeInputs::default());
    }
}
