//! `export`: evidence of one deployment, for somebody without the database.

use std::io::ErrorKind;
use std::path::Path;

use super::{Global, new_file, output, server_key, wiring};
use crate::app::{Code, Error};
use crate::clock::SystemRandom;
use crate::domain::evidence::{Bundle, LONGEST};

pub(super) async fn run(global: &Global, id: &str, out: Option<&Path>) -> Result<(), Error> {
    let evidence = wiring::app(global)?.evidence(id).await?;
    let key = server_key::open(wiring::settings(global)?.server_key.as_deref())?;
    let bundle = Bundle::sign(evidence, &key);
    let text = bundle.to_text();
    if text.len() > LONGEST {
        return Err(Error::new(
            Code::EvidenceInvalid,
            format!("the evidence of {id} would be larger than what `verify-bundle` reads"),
            "too many records of others came since; hand over the database instead",
        ));
    }
    let Some(out) = out else {
        output::line(&text);
        return Ok(());
    };
    new_file::write(out, format!("{text}\n").as_bytes(), &SystemRandom)
        .map_err(|error| unwritten(out, &error))?;
    let Bundle { evidence, server_key, .. } = &bundle;
    if global.json {
        return output::json(&serde_json::json!({
            "file": out, "deployment_id": evidence.deployment_id,
            "head": evidence.chain.head, "server_key": server_key,
        }));
    }
    output::line(&format!("evidence of {id}: {}", out.display()));
    output::line(&format!("up to {}", evidence.chain.head));
    output::line(&format!("signed by the server with {server_key}"));
    Ok(())
}

fn unwritten(out: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::AlreadyExists => Error::new(
            Code::IoFailed,
            format!("there is a file at {} already", out.display()),
            "name another place with --out; nothing is ever overwritten",
        ),
        _ => Error::new(
            Code::IoFailed,
            format!("the evidence {} cannot be written: {error}", out.display()),
            "name a place with --out that you may write to",
        ),
    }
}
