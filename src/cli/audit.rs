//! `audit verify`: has anybody edited the history? `audit head`: what to note
//! elsewhere, so that somebody who edits all of it is found, too.

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

pub(super) fn head(global: &Global) -> Result<(), Error> {
    let head = Store::open(&wiring::database_with_content(global)?)?.chain_head()?;
    if global.json {
        return output::json(&head);
    }
    output::line(&head.to_string());
    Ok(())
}
