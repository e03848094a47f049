//! What clients are told about the tools. A change of any name, description,
//! annotation or schema is a change of a snapshot, and so is seen.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's own work")]

use deployment_orchestrator::tools::catalogue;
use serde_json::{Value, json};

/// The most that `tools/list` may have.
const LIST_LIMIT: usize = 32 * 1024;

/// The most that a model is shown of it in every conversation: names,
/// descriptions and arguments.
const SHOWN_LIMIT: usize = 20 * 1024;

/// Some clients cut descriptions after 2 KB.
const DESCRIPTION_LIMIT: usize = 1024;

fn tools() -> Vec<Value> {
    catalogue().iter().map(|tool| serde_json::to_value(tool).unwrap()).collect()
}

/// Every schema inside `schema`, itself included.
fn schemas(schema: &Value) -> Vec<&Value> {
    let mut all = vec![schema];
    all.extend(schema["properties"].as_object().into_iter().flat_map(|map| map.values()).flat_map(schemas));
    for key in ["items", "additionalProperties"] {
        all.extend(schema.get(key).into_iter().filter(|inner| inner.is_object()).flat_map(schemas));
    }
    all
}

#[test]
fn every_tool_is_what_its_snapshot_says() {
    for tool in tools() {
        let name = tool["name"].as_str().unwrap().to_owned();
        insta::assert_json_snapshot!(name, tool);
    }
}

#[test]
fn names_are_such_that_every_client_takes_them() {
    for tool in tools() {
        let name = tool["name"].as_str().unwrap();
        assert!(name.len() <= 40, "{name}");
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "{name}"
        );
    }
}

#[test]
fn every_tool_says_everything_about_itself() {
    for tool in tools() {
        let name = &tool["name"];
        assert!(tool["title"].is_string(), "{name}");
        let description = tool["description"].as_str().unwrap();
        assert!(description.len() <= DESCRIPTION_LIMIT, "{name}: {} bytes", description.len());
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name}: {hint}");
        }
        assert_eq!(tool["annotations"]["title"], tool["title"], "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
    }
}

#[test]
fn every_argument_is_described_and_nothing_else_is_taken() {
    for tool in tools() {
        let name = &tool["name"];
        let input = &tool["inputSchema"];
        assert_eq!(input["type"], "object", "{name}");
        assert_eq!(input["additionalProperties"], false, "{name}");
        for (argument, schema) in input["properties"].as_object().unwrap() {
            assert!(schema["description"].is_string(), "{name}: {argument}");
        }
    }
}

#[test]
fn schemas_have_no_null_no_reference_and_no_choice() {
    for tool in tools() {
        for schema in ["inputSchema", "outputSchema"].iter().flat_map(|key| schemas(&tool[key])) {
            for word in ["$ref", "$defs", "$schema", "anyOf", "oneOf", "allOf", "title", "format"] {
                assert!(schema.get(word).is_none(), "{}: {word} in {schema}", tool["name"]);
            }
            assert!(!schema["type"].is_array(), "{}: {schema}", tool["name"]);
        }
    }
}

/// The TypeScript SDK 1 and the Inspector hold refusals against the schema, too.
#[test]
fn a_refusal_fits_every_output_schema() {
    let refusal = [
        ("code", "string"),
        ("message", "string"),
        ("hint", "string"),
        ("retryable", "boolean"),
        ("message_untrusted", "string"),
        ("guards", "array"),
    ];
    for tool in tools() {
        let output = &tool["outputSchema"];
        assert_eq!((&output["required"], &output["additionalProperties"]), (&Value::Null, &Value::Null));
        for (field, kind) in refusal {
            let schema = &output["properties"][field];
            assert!(schema.is_null() || schema["type"] == kind, "{}: {field} in {output}", tool["name"]);
        }
    }
}

#[test]
fn nothing_that_only_looks_is_called_destructive() {
    for tool in tools() {
        let hints = &tool["annotations"];
        if hints["readOnlyHint"] == true {
            assert_eq!(hints["destructiveHint"], false, "{}", tool["name"]);
            assert_eq!(hints["idempotentHint"], true, "{}", tool["name"]);
        }
    }
}

#[test]
fn the_list_is_small() {
    let size = |tools: Vec<Value>| serde_json::to_string(&json!({ "tools": tools })).unwrap().len();
    let shown = tools().into_iter().map(|tool| {
        json!({ "name": tool["name"], "description": tool["description"], "inputSchema": tool["inputSchema"] })
    });
    let (list, shown) = (size(tools()), size(shown.collect()));
    assert!(list <= LIST_LIMIT, "tools/list has {list} bytes");
    assert!(shown <= SHOWN_LIMIT, "a model is shown {shown} bytes");
    println!("tools/list has {list} bytes, of which a model is shown {shown}");
}
