//! Private keys in files that only their owner can read.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::new_file;
use crate::app::{Code, Error};
use crate::clock::Random;
use crate::domain::signature::PrivateKey;

/// Read a key.
///
/// # Errors
/// When there is none, when others can read it, or when it is no key. The
/// content is never shown.
pub(super) fn read(path: &Path) -> Result<PrivateKey, Error> {
    let unusable = |reason: String| {
        Error::new(
            Code::KeyUnusable,
            format!("the private key {} cannot be used: {reason}", path.display()),
            "make one with `deployment-orchestrator keygen`, or name yours with --key",
        )
    };
    let mode = std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(unusable("others than its owner can read it; run chmod 600 on it".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    PrivateKey::from_secret_text(&text).map_err(|error| unusable(error.rule.to_owned()))
}

/// Make a key. A file that is there is never overwritten.
///
/// # Errors
/// When the file exists or cannot be written.
pub(super) fn make(path: &Path, random: &dyn Random) -> Result<PrivateKey, Error> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Error::new(
            Code::KeyUnusable,
            format!("there is a file at {} already, which may be a key in use", path.display()),
            "use that key, or name another place with --key; nothing is ever overwritten",
        ),
        _ => Error::new(
            Code::KeyUnusable,
            format!("the private key {} cannot be written: {error}", path.display()),
            "name a place with --key that you may write to",
        ),
    };
    let mut seed = [0; 32];
    let (first, second) = seed.split_at_mut(16);
    first.copy_from_slice(&random.bits().to_ne_bytes());
    second.copy_from_slice(&random.bits().to_ne_bytes());
    let key = PrivateKey::from_seed(&seed);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    new_file::write(path, key.to_secret_text().as_bytes(), random).map_err(failed)?;
    Ok(key)
}
