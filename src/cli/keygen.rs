//! `keygen`: a person's key for approvals.

use std::path::PathBuf;

use super::{Global, key_file, output, place};
use crate::app::{Code, Error};
use crate::clock::SystemRandom;
use crate::config::environment;
use crate::domain::id::PrincipalName;

pub(super) fn run(
    global: &Global,
    person: Option<PrincipalName>,
    path: Option<PathBuf>,
) -> Result<(), Error> {
    let person = person_or_user(person)?;
    let path = match path {
        Some(path) => path,
        None => place::key_file(&person)?,
    };
    let public = key_file::make(&path, &SystemRandom)?.public();
    if global.json {
        return output::json(&serde_json::json!({
            "person": person, "private_key": path, "public_key": public.to_string(),
        }));
    }
    output::line(&format!("private key of {person}: {}", path.display()));
    output::line("");
    output::line("an operator adds this to the config file of the server:");
    output::line("");
    output::line(&format!("[people.{}]", toml_key(&person)));
    output::line(&format!("public_key = \"{public}\""));
    Ok(())
}

/// The person that is named, or the user of this machine.
pub(super) fn person_or_user(person: Option<PrincipalName>) -> Result<PrincipalName, Error> {
    match person {
        Some(person) => Ok(person),
        None => environment::os_user().parse().map_err(|error| {
            Error::new(Code::MalformedArgument, format!("{error}"), "name yourself with --as")
        }),
    }
}

/// A name as a TOML key: quoted where a bare key may not hold it.
fn toml_key(person: &PrincipalName) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if person.as_str().bytes().all(bare) { person.to_string() } else { format!("\"{person}\"") }
}
