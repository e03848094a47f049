//! New files that only their owner can read.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::clock::Random;

/// Write a file that is there whole or not at all: another process may look for
/// it at the same moment. One that is there already is never overwritten.
///
/// # Errors
/// [`AlreadyExists`](std::io::ErrorKind::AlreadyExists), or what the system says.
pub(super) fn write(path: &Path, content: &[u8], random: &dyn Random) -> std::io::Result<()> {
    let unfinished = path.with_extension(format!("{:032x}", random.bits()));
    let published = synced(&unfinished, content).and_then(|()| std::fs::hard_link(&unfinished, path));
    let _ = std::fs::remove_file(&unfinished);
    published
}

fn synced(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
