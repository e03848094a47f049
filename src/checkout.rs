//! Reading a folder of manifests below a root that the operator chose, for a
//! path that an agent chose. No way leads out of the root: no link is followed,
//! and only plain files are opened. How much is read is bounded.
//!
//! Whoever can write below the root while it is read could swap a file for a
//! link in between; what is read is never shown, only what is wrong with it.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::domain::id::ManifestPath;
use crate::manifests::File;

/// Files that are read at most.
const FILE_LIMIT: usize = 500;

/// Bytes of one file.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// Bytes of all files together.
const TOTAL_LIMIT: u64 = 16 * 1024 * 1024;

/// Entries of folders that are looked at, YAML or not.
const ENTRY_LIMIT: usize = 10_000;

/// Folders within each other.
const DEPTH_LIMIT: usize = 12;

/// Why there is nothing to look at, as a phrase that completes "the path ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// The YAML files at `path`: itself, or all below it but for hidden ones, in the
/// order of their names. Blocks.
///
/// # Errors
/// When there is nothing to read, a link is in the way, or a limit is passed.
pub fn read(root: &Path, path: &ManifestPath) -> Result<Vec<File>, Unreadable> {
    let mut place = fs::canonicalize(root).map_err(|error| {
        Unreadable(format!(
            "cannot be looked for: `validation.manifests_root` is unusable ({})",
            error.kind()
        ))
    })?;
    let parts = path.as_str().split('/').filter(|part| !matches!(*part, "" | "."));
    let mut found = metadata(&place)?;
    for part in parts {
        place.push(part);
        found = metadata(&place)?;
        if found.is_symlink() {
            return Err(Unreadable("leads over a symbolic link, which is not followed".to_owned()));
        }
    }
    let mut reading = Reading::default();
    let named = path.as_str().trim_end_matches('/');
    if found.is_dir() {
        reading.folder(&place, if named == "." { "" } else { named }, 0)?;
    } else {
        reading.file(&place, named, &found)?;
    }
    if reading.files.is_empty() {
        return Err(Unreadable("has no YAML below it".to_owned()));
    }
    Ok(reading.files)
}

fn metadata(place: &Path) -> Result<Metadata, Unreadable> {
    fs::symlink_metadata(place).map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> Unreadable {
    Unreadable(format!("cannot be read: {}", error.kind()))
}

#[derive(Default)]
struct Reading {
    files: Vec<File>,
    entries: usize,
    bytes: u64,
}

impl Reading {
    fn folder(&mut self, place: &Path, named: &str, depth: usize) -> Result<(), Unreadable> {
        if depth > DEPTH_LIMIT {
            return Err(Unreadable(format!("has more than {DEPTH_LIMIT} folders within each other")));
        }
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(place).map_err(|error| unreadable(&error))? {
            entries.push(entry.map_err(|error| unreadable(&error))?.path());
            self.entries += 1;
            if self.entries > ENTRY_LIMIT {
                return Err(Unreadable(format!("has more than {ENTRY_LIMIT} entries below it")));
            }
        }
        entries.sort();
        for place in entries {
            let Some(name) = place.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let named = if named.is_empty() { name } else { format!("{named}/{name}") };
            let found = metadata(&place)?;
            if found.is_dir() {
                self.folder(&place, &named, depth + 1)?;
            } else if is_yaml(&named) {
                self.file(&place, &named, &found)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, place: &Path, named: &str, found: &Metadata) -> Result<(), Unreadable> {
        if self.files.len() >= FILE_LIMIT {
            return Err(Unreadable(format!("has more than {FILE_LIMIT} YAML files below it")));
        }
        let content = content(place, found);
        self.bytes += content.as_ref().map_or(0, |text| u64::try_from(text.len()).unwrap_or(u64::MAX));
        if self.bytes > TOTAL_LIMIT {
            return Err(Unreadable(format!("has more than {TOTAL_LIMIT} bytes of YAML below it")));
        }
        self.files.push(File { path: named.to_owned(), content });
        Ok(())
    }
}

fn is_yaml(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("yaml") || it.eq_ignore_ascii_case("yml"))
}

/// The text of a plain file, or why it is not read.
fn content(place: &Path, found: &Metadata) -> Result<String, String> {
    if found.is_symlink() {
        return Err("is a symbolic link, which is not followed".to_owned());
    }
    if !found.is_file() {
        return Err("is no plain file".to_owned());
    }
    let mut bytes = Vec::new();
    fs::File::open(place)
        .and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {}", error.kind()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SIZE_LIMIT {
        return Err(format!("has more than {SIZE_LIMIT} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is no text in UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ManifestPath {
        text.parse().expect("a path")
    }

    /// A root with some files, and a secret beside it.
    fn checkout() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        for (name, text) in [
            ("root/app/b.yaml", "b"),
            ("root/app/a.yml", "a"),
            ("root/app/readme.md", "no YAML"),
            ("root/app/.git/config.yaml", "hidden"),
            ("root/app/sub/c.YAML", "c"),
            ("outside/secret.yaml", "secret"),
        ] {
            let place = folder.path().join(name);
            fs::create_dir_all(place.parent().expect("a folder")).expect("made");
            fs::write(place, text).expect("written");
        }
        (folder, root)
    }

    fn names(files: &[File]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn yaml_below_a_path_is_read_in_order() {
        let (_folder, root) = checkout();
        let files = read(&root, &path("app")).expect("files");
        assert_eq!(names(&files), ["app/a.yml", "app/b.yaml", "app/sub/c.YAML"]);
        assert_eq!(files[1].content, Ok("b".to_owned()));
        assert_eq!(names(&read(&root, &path("app/b.yaml")).expect("a file")), ["app/b.yaml"]);
        assert_eq!(read(&root, &path(".")).expect("files").len(), 3);
        assert!(read(&root, &path("app/none")).expect_err("no such path").0.contains("not found"));
    }

    #[test]
    fn no_path_leads_out_of_the_root() {
        for text in ["..", "../outside", "app/../../outside", "/etc", "", "a//b", "a/./b", "a\\..\\b", "a\0b"]
        {
            text.parse::<ManifestPath>().expect_err(text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed() {
        use std::os::unix::fs::symlink;
        let (folder, root) = checkout();
        let outside = folder.path().join("outside");
        symlink(&outside, root.join("way")).expect("a link");
        symlink(outside.join("secret.yaml"), root.join("app/link.yaml")).expect("a link");
        symlink(&outside, root.join("app/folder")).expect("a link");
        for text in ["way", "way/secret.yaml", "app/link.yaml"] {
            assert!(read(&root, &path(text)).expect_err(text).0.contains("symbolic link"), "{text}");
        }
        let files = read(&root, &path("app")).expect("files");
        let link = files.iter().find(|file| file.path == "app/link.yaml").expect("it is told of");
        assert_eq!(link.content, Err("is a symbolic link, which is not followed".to_owned()));
        assert!(files.iter().all(|file| file.content != Ok("secret".to_owned())));
    }

    #[test]
    fn what_is_too_much_or_no_text_is_not_read() {
        let (_folder, root) = checkout();
        fs::write(root.join("app/large.yaml"), "x".repeat(10 * 1024 * 1024)).expect("written");
        fs::write(root.join("app/binary.yaml"), [0xFF, 0xFE, 0]).expect("written");
        let files = read(&root, &path("app")).expect("files");
        let content =
            |name: &str| files.iter().find(|file| file.path == name).expect("a file").content.clone();
        assert_eq!(content("app/large.yaml"), Err("has more than 1048576 bytes".to_owned()));
        assert_eq!(content("app/binary.yaml"), Err("is no text in UTF-8".to_owned()));
        (0..=FILE_LIMIT).for_each(|n| fs::write(root.join(format!("app/{n}.yaml")), "x").expect("written"));
        assert!(read(&root, &path("app")).expect_err("too many").0.contains("more than 500"));
    }
}
