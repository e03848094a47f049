//! The server's own key: it vouches for decisions that leave no signature of
//! their own, and signs evidence. It is never in the database.

use std::path::{Path, PathBuf};

use super::{key_file, place};
use crate::app::Error;
use crate::clock::SystemRandom;
use crate::domain::signature::PrivateKey;

/// The key at `named`, or at its usual place, where it is made on first use.
///
/// # Errors
/// When it cannot be read or made, or others can read it.
pub(super) fn open(named: Option<&Path>) -> Result<PrivateKey, Error> {
    if let Some(key) = existing(named)? {
        return Ok(key);
    }
    let path = place_of(named)?;
    match key_file::make(&path, &SystemRandom) {
        // Another server that starts at the same moment has made it.
        Err(_) if path.exists() => key_file::read(&path),
        made => made,
    }
}

/// The key at `named`, or at its usual place, if it is there.
///
/// # Errors
/// When it cannot be read, or others can read it.
pub(super) fn existing(named: Option<&Path>) -> Result<Option<PrivateKey>, Error> {
    let path = place_of(named)?;
    path.exists().then(|| key_file::read(&path)).transpose()
}

fn place_of(named: Option<&Path>) -> Result<PathBuf, Error> {
    named.map_or_else(place::server_key, |path| Ok(PathBuf::from(path)))
}
