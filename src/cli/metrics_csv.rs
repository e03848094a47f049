//! Metrics as CSV: one number a line, so that a new number is no new column.

use serde_json::Value;

use super::output;
use crate::app::metrics::MetricsView;
use crate::app::{Code, Error};

/// Print `service,environment,metric,value`: the names are those of the JSON, with
/// a dot between one and what stands in it.
pub(super) fn print(view: &MetricsView) -> Result<(), Error> {
    let unwritten = |error: &dyn std::error::Error| {
        Error::new(Code::IoFailed, format!("the table cannot be made: {error}"), "")
    };
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(["service", "environment", "metric", "value"]).map_err(|error| unwritten(&error))?;
    let view = serde_json::to_value(view).map_err(|error| unwritten(&error))?;
    for group in ["pipeline", "dora"] {
        for row in view.get(group).and_then(Value::as_array).into_iter().flatten() {
            let of = ["service", "environment"].map(|key| text(row.get(key)));
            let mut numbers = Vec::new();
            collect(group.to_owned(), row, &mut numbers);
            for (metric, value) in numbers {
                out.write_record([of[0].as_str(), of[1].as_str(), &metric, &value])
                    .map_err(|error| unwritten(&error))?;
            }
        }
    }
    let text = out.into_inner().map_err(|error| unwritten(&error))?;
    output::line(String::from_utf8_lossy(&text).trim_end());
    Ok(())
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// All numbers inside `value`, by the names on the way to them. An entry of a list
/// is named by the words that it has.
fn collect(name: String, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Number(number) => into.push((name, number.to_string())),
        Value::Object(fields) => {
            for (key, inner) in fields {
                collect(format!("{name}.{key}"), inner, into);
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                collect(format!("{name}.{}", words(entry)), entry, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn words(entry: &Value) -> String {
    let fields = entry.as_object().into_iter().flatten();
    let words = fields.filter_map(|(key, value)| match value {
        Value::String(word) => Some(word.clone()),
        Value::Bool(true) => Some(key.clone()),
        _ => None,
    });
    words.collect::<Vec<_>>().join(".")
}
