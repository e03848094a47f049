//! What a file of Rust names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::tokens::{is_word, tokens};

/// One source file.
pub(crate) struct Source {
    /// From its folder, as `harness/client.rs`.
    pub(crate) path: String,
    /// As `["harness", "client"]`.
    pub(crate) module: Vec<String>,
    pub(crate) lines: usize,
    pub(crate) tokens: Vec<String>,
}

/// The files below this folder of the repository.
pub(crate) fn sources_below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    paths.iter().map(|path| Source::read(&root, path)).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        let mut module: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        Self { path, module, lines: text.lines().count(), tokens: tokens(&text) }
    }

    pub(crate) fn top(&self) -> &str {
        &self.module[0]
    }

    pub(crate) fn is_in(&self, home: &str) -> bool {
        let home: Vec<&str> = home.split("::").collect();
        self.module.len() >= home.len() && home.iter().zip(&self.module).all(|(a, b)| a == b)
    }

    /// The paths from the crate's root that this file names.
    pub(crate) fn named_modules(&self, modules: &BTreeSet<String>) -> BTreeSet<Vec<String>> {
        let mut named = BTreeSet::new();
        for start in 0..self.tokens.len() {
            if !self.begins_path(start) {
                continue;
            }
            for path in paths_from(&self.tokens, start) {
                let from_root = match path[0].as_str() {
                    "crate" | "deployment_orchestrator" => path[1..].to_vec(),
                    "super" => self.resolved(&path),
                    _ => continue,
                };
                if from_root.first().is_some_and(|first| modules.contains(first)) {
                    named.insert(from_root);
                }
            }
        }
        named
    }

    /// Where `super::…` leads. A module inside the file is one level deeper than
    /// the file, so that this may look one level too high; it then finds no module of that name.
    fn resolved(&self, path: &[String]) -> Vec<String> {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        let kept = self.module.len().saturating_sub(ups);
        self.module[..kept].iter().chain(&path[ups..]).cloned().collect()
    }

    /// Every identifier that begins a path, `use` or attribute path: crates among them.
    pub(crate) fn names_crate(&self, name: &str) -> bool {
        (0..self.tokens.len()).any(|index| {
            self.tokens[index] == name
                && self.begins_path(index)
                && (self.tokens.get(index + 1).is_some_and(|next| next == "::")
                    || index > 0 && ["use", "crate"].contains(&self.tokens[index - 1].as_str()))
        })
    }

    fn begins_path(&self, index: usize) -> bool {
        let before = |steps: usize| index.checked_sub(steps).map_or("", |index| &self.tokens[index]);
        match before(1) {
            "." => false,
            "::" => !is_word(before(2)),
            _ => true,
        }
    }
}

/// The paths that the `use` tree or path at `start` stands for, without aliases.
fn paths_from(tokens: &[String], start: usize) -> Vec<Vec<String>> {
    let mut path = vec![tokens[start].clone()];
    let mut index = start + 1;
    while tokens.get(index).is_some_and(|token| token == "::") {
        match tokens.get(index + 1) {
            Some(next) if next == "{" => {
                return branches(tokens, index + 2)
                    .into_iter()
                    .flat_map(|branch| paths_from(tokens, branch))
                    .map(|branch| path.iter().cloned().chain(branch).collect())
                    .collect();
            }
            Some(next) if is_word(next) => path.push(next.clone()),
            _ => break,
        }
        index += 2;
    }
    vec![path]
}

/// Where each branch of the `use` tree begins whose `{` is before `start`.
fn branches(tokens: &[String], start: usize) -> Vec<usize> {
    let mut found = vec![start];
    let mut depth = 1;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 && tokens.get(index + 1).is_some_and(|next| is_word(next)) => {
                found.push(index + 1)
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}
