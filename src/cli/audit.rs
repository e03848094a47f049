//! `audit verify`: has anybody edited the history?

use super::{Global, output, wiring};
use crate::app::{Code, Error};
use crate::store::Store;

pub(super) fn verify(global: &Global) -> Result<(), Error> {
    let path = wiring::database_with_content(global)?;
    let head = Store::open(&path)?.verify_chain().map_err(|error| {
        Error::new(
            Code::DatabaseUnusable,
            format!("the audit history of {} is not intact: {error}", path.display()),
            "keep the file as evidence; compare it with a backup",
        )
    })?;
    if global.json {
        return output::json(
            &serde_json::json!({ "intact": true, "events": head.position, "hash": head.hex() }),
        );
    }
    output::line(&format!("intact: {} events, head {}", head.position, head.hex()));
    Ok(())
}
