//! The resources that the suite asks for.

use rmcp::model::{ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::json;

use crate::contents::{PNG, PNG_TYPE};

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
const WATCHED: &str = "test://watched-resource";

/// What stands around the id of a resource from the template.
const BEFORE_ID: &str = "test://template/";
const AFTER_ID: &str = "/data";

/// Those that are always there.
pub(crate) fn all() -> Vec<Resource> {
    let resource = |uri, name, description, mime| {
        Resource::new(uri, name).with_description(description).with_mime_type(mime)
    };
    vec![
        resource(TEXT, "static-text", "A text", "text/plain"),
        resource(BINARY, "static-binary", "An image", PNG_TYPE),
        resource(WATCHED, "watched-resource", "A text that may be watched, and never changes", "text/plain"),
    ]
}

/// Those that a name makes.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    let uri = format!("{BEFORE_ID}{{id}}{AFTER_ID}");
    vec![ResourceTemplate::new(uri, "template").with_description("JSON").with_mime_type("application/json")]
}

/// The resource at `uri`.
pub(crate) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let id = uri.strip_prefix(BEFORE_ID).and_then(|rest| rest.strip_suffix(AFTER_ID));
    let contents = match (uri, id) {
        (TEXT, _) => ResourceContents::text("This is the content of the static text resource.", uri)
            .with_mime_type("text/plain"),
        (BINARY, _) => ResourceContents::blob(PNG, uri).with_mime_type(PNG_TYPE),
        (WATCHED, _) => ResourceContents::text("Nothing has changed.", uri).with_mime_type("text/plain"),
        (_, Some(id)) => {
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            ResourceContents::text(data.to_string(), uri).with_mime_type("application/json")
        }
        _ => {
            return Err(ErrorData::resource_not_found(
                "there is no such resource",
                Some(json!({ "uri": uri })),
            ));
        }
    };
    Ok(ReadResourceResult::new(vec![contents]))
}
