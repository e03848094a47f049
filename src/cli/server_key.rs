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
    let path = match named {
        Some(path) => PathBuf::from(path),
        None => place::server_key()?,
    };
    if path.exists() {
        return key_file::read(&path);
    }
    match key_file::make(&path, &SystemRandom) {
        // Another server that starts at the same moment has made it.
        Err(_) if path.exists() => key_file::read(&path),
        made => made,
    }
}
