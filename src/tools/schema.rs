//! JSON Schemas as clients like them: one object with everything inlined, no
//! `null` beside a type (an optional argument is left out instead), and nothing
//! that costs a reader tokens without telling anything.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema of what a tool takes, with a description of every argument.
pub(super) fn of_arguments<T: JsonSchema>() -> Arc<JsonObject> {
    object::<T>(settings().for_deserialize().with_transform(tidied))
}

/// The schema of what a tool gives: its fields with their types. What stands
/// inside a field, and descriptions, would more than double what every client
/// loads before its first call; a status is understood from its names.
///
/// No field is required, because a refusal must fit as well: there are clients
/// that hold it against this schema, and show its reader only that it does not fit.
pub(super) fn of_answer<T: JsonSchema>() -> Arc<JsonObject> {
    object::<T>(settings().for_serialize().with_transform(tidied).with_transform(outlined))
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    })
}

fn object<T: JsonSchema>(settings: SchemaSettings) -> Arc<JsonObject> {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("description");
    Arc::new(
        schema.as_object().cloned().expect("arguments and answers are structs, whose schema is an object"),
    )
}

fn tidied(schema: &mut Schema) {
    for noise in ["title", "format", "default"] {
        schema.remove(noise);
    }
    without_null(schema);
    with_plain_enum(schema);
    transform_subschemas(&mut tidied, schema);
}

/// One level of names and types. Which of them are always there, a reader sees.
fn outlined(schema: &mut Schema) {
    schema.remove("required");
    transform_subschemas(&mut type_only, schema);
}

fn type_only(schema: &mut Schema) {
    if let Some(fields) = schema.as_object_mut() {
        fields.retain(|word, _| matches!(word.as_str(), "type" | "items"));
    }
    transform_subschemas(&mut type_only, schema);
}

/// `["string", "null"]` → `"string"`; `anyOf [X, null]` → `X`.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                if schema.get(&key).is_none() {
                    schema.insert(key, value);
                }
            }
        }
    }
}

/// `oneOf` of constants → `enum`, which every client understands. The
/// argument's own description says what they mean.
fn with_plain_enum(schema: &mut Schema) {
    let constants: Option<Vec<Value>> = schema
        .get("oneOf")
        .and_then(Value::as_array)
        .and_then(|choices| choices.iter().map(|choice| choice.get("const").cloned()).collect());
    if let Some(constants) = constants {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), Value::from("string"));
        schema.insert("enum".to_owned(), Value::Array(constants));
    }
}
