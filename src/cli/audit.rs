//! `audit verify`: has anybody edited the history?

use super::{Global, output};
use crate::app::{Code, Error};
use crate::store::Store;

pub(super) fn verify(global: &Global) -> Result<(), Error> {
    let path = global.database(false)?;
    if !path.exists() {
        return Err(Error::new(
            Code::DatabaseUnusable,
            format!("there is no database at {}", path.display()),
            "name it with --db or ORCHESTRATOR_DB",
        ));
    }
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
