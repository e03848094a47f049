//! `import`: deployments, commits and incidents that another tool knows, as CSV.
//!
//! A file is taken whole or not at all: each line that is wrong is said, with its number.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use csv::StringRecord;

use super::{Global, act, cells, output, wiring};
use crate::app::{App, Code, Error};
use crate::domain::id::Malformed;
use crate::domain::metrics::imported::{Ended, ImportedCommit, ImportedDeployment, Kind};
use crate::domain::metrics::incident::Incident;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::store::Import;

/// The most rows of one file. They are written in one transaction, for which others wait.
pub(super) const MOST_ROWS: usize = 10_000;

/// The most bytes of one file: a hundred times what so many rows usually have.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// The most wrong lines that are said.
const LINES_SAID: usize = 10;

/// What to import.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Rows {
    /// service, repository, environment, commit, result, started, finished; and kind, if known.
    Deployments {
        /// A CSV file with these columns, named in its first line.
        file: PathBuf,
    },
    /// repository, commit, committed; and `deployed_with`, the head commit that brought it, if known.
    Commits {
        /// A CSV file with these columns, named in its first line.
        file: PathBuf,
    },
    /// id, service, began; and resolved, once it is.
    Incidents {
        /// A CSV file with these columns, named in its first line.
        file: PathBuf,
    },
}

pub(super) async fn run(global: &Global, rows: &Rows) -> Result<(), Error> {
    let app = wiring::app_with_database(global)?;
    let now = app.clock.now();
    let import = match rows {
        Rows::Deployments { file } => {
            let rows = read(
                file,
                DEPLOYMENTS,
                |line| deployment(&app, line, now),
                |it| {
                    let place = (it.service.clone(), it.repository.clone(), it.environment.clone());
                    (place, it.commit.clone(), it.kind.as_str(), it.started_at)
                },
            );
            Import::Deployments(rows?)
        }
        Rows::Commits { file } => {
            Import::Commits(read(file, COMMITS, commit, |it| (it.repository.clone(), it.commit.clone()))?)
        }
        Rows::Incidents { file } => {
            Import::Incidents(read(file, INCIDENTS, |line| incident(line, now), |it| it.id.clone())?)
        }
    };
    let all = match &import {
        Import::Deployments(rows) => rows.len(),
        Import::Commits(rows) => rows.len(),
        Import::Incidents(rows) => rows.len(),
    };
    let changed = app.import(import, &act::person(&app)).await?;
    if global.json {
        return output::json(&serde_json::json!({ "rows": all, "changed": changed }));
    }
    output::line(&format!("{all} rows, of which {changed} were new or other than before"));
    Ok(())
}

/// The columns of a file: those that it must have, and those that it may.
pub(super) type Columns = (&'static [&'static str], &'static [&'static str]);

pub(super) const DEPLOYMENTS: Columns =
    (&["service", "repository", "environment", "commit", "result", "started", "finished"], &["kind"]);
pub(super) const COMMITS: Columns = (&["repository", "commit", "committed"], &["deployed_with"]);
pub(super) const INCIDENTS: Columns = (&["id", "service", "began"], &["resolved"]);

fn deployment(app: &App, line: &Line<'_>, now: Timestamp) -> Result<ImportedDeployment, String> {
    let environment = line.parsed("environment")?;
    let (started_at, finished_at) = (line.past("started", now)?, line.past("finished", now)?);
    if finished_at < started_at {
        return Err("`finished` is before `started`".to_owned());
    }
    Ok(ImportedDeployment {
        production: app.is_production(&environment),
        environment,
        service: line.parsed("service")?,
        repository: line.parsed("repository")?,
        commit: line.parsed("commit")?,
        kind: if line.is_empty("kind") { Kind::Deploy } else { line.word("kind", &Kind::ALL, Kind::as_str)? },
        result: line.word("result", &Ended::ALL, Ended::as_str)?,
        started_at,
        finished_at,
    })
}

fn commit(line: &Line<'_>) -> Result<ImportedCommit, String> {
    Ok(ImportedCommit {
        repository: line.parsed("repository")?,
        commit: line.parsed("commit")?,
        committed_at: line.instant("committed")?,
        deployed_with: line.optional("deployed_with", Line::parsed)?,
    })
}

fn incident(line: &Line<'_>, now: Timestamp) -> Result<Incident, String> {
    let began_at = line.past("began", now)?;
    let resolved_at = line.optional("resolved", |line, column| line.past(column, now))?;
    if resolved_at.is_some_and(|resolved| resolved < began_at) {
        return Err("`resolved` is before `began`".to_owned());
    }
    let (id, service) = (line.parsed("id")?, line.parsed("service")?);
    Ok(Incident { id, service, began_at, resolved_at, deployment: None })
}

/// One line, by the names of its columns.
struct Line<'a> {
    columns: &'a BTreeMap<String, usize>,
    record: &'a StringRecord,
}

impl<'a> Line<'a> {
    fn text(&self, column: &str) -> &'a str {
        let cell = self.columns.get(column).and_then(|index| self.record.get(*index)).unwrap_or_default();
        cells::unmarked(cell)
    }

    fn is_empty(&self, column: &str) -> bool {
        self.text(column).is_empty()
    }

    fn parsed<T: FromStr<Err = Malformed>>(&self, column: &str) -> Result<T, String> {
        self.text(column).parse().map_err(|error: Malformed| format!("`{column}`: {error}"))
    }

    fn instant(&self, column: &str) -> Result<Timestamp, String> {
        Timestamp::parse(self.text(column)).map_err(|error| format!("`{column}`: {error}"))
    }

    /// An instant that is no plan: one that lies ahead would begin to count one day.
    fn past(&self, column: &str, now: Timestamp) -> Result<Timestamp, String> {
        let at = self.instant(column)?;
        if at > now { Err(format!("`{column}` lies ahead")) } else { Ok(at) }
    }

    fn optional<T>(
        &self,
        column: &str,
        read: impl Fn(&Self, &str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        (!self.is_empty(column)).then(|| read(self, column)).transpose()
    }

    fn word<T: Copy>(&self, column: &str, all: &[T], said: fn(T) -> &'static str) -> Result<T, String> {
        let text = self.text(column);
        all.iter().copied().find(|word| said(*word) == text).ok_or_else(|| {
            let words: Vec<&str> = all.iter().copied().map(said).collect();
            format!("`{column}` is `{}`; write one of {}", shortened(text, 40), words.join(", "))
        })
    }
}

/// The rows of a file, or all that is wrong with it. No two of them have one `key`.
fn read<T, K: Ord>(
    file: &Path,
    columns: Columns,
    row: impl Fn(&Line<'_>) -> Result<T, String>,
    key: impl Fn(&T) -> K,
) -> Result<Vec<T>, Error> {
    let text = text_of(file).map_err(|reason| wrong(file, &[reason]))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_slice());
    let header = reader.headers().map_err(|error| wrong(file, &[error.to_string()]))?;
    let columns = named(header, columns).map_err(|reason| wrong(file, &[reason]))?;
    let (mut rows, mut faults, mut lines) = (Vec::new(), Vec::new(), BTreeMap::new());
    for record in reader.records() {
        let (line, read) = match record {
            Ok(record) => (line_of(record.position()), row(&Line { columns: &columns, record: &record })),
            Err(error) => (line_of(error.position()), Err(error.to_string())),
        };
        let read = read.and_then(|read| match lines.insert(key(&read), line) {
            Some(earlier) => Err(format!("line {earlier} is about the same")),
            None => Ok(read),
        });
        match read {
            Ok(read) => rows.push(read),
            Err(reason) => faults.push(format!("line {line}: {reason}")),
        }
        if rows.len() + faults.len() > MOST_ROWS {
            return Err(wrong(file, &[format!("it has more than {MOST_ROWS} rows; split it")]));
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(wrong(file, &faults)) }
}

/// What stands in a file, if it is one and no larger than [`MOST_BYTES`].
fn text_of(file: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text));
    read.map_err(|error: io::Error| error.to_string())?;
    if text.len() as u64 > MOST_BYTES {
        return Err(format!("it has more than {} MB; split it", MOST_BYTES / 1024 / 1024));
    }
    if text.trim_ascii().is_empty() { Err("it is empty".to_owned()) } else { Ok(text) }
}

fn line_of(position: Option<&csv::Position>) -> u64 {
    position.map_or(1, csv::Position::line)
}

/// Where each column stands. A misspelt one must not look like one that is left out.
fn named(header: &StringRecord, (needed, others): Columns) -> Result<BTreeMap<String, usize>, String> {
    let columns: BTreeMap<String, usize> =
        header.iter().enumerate().map(|(index, name)| (name.to_ascii_lowercase(), index)).collect();
    let known = || needed.iter().chain(others);
    let missing = needed.iter().find(|name| !columns.contains_key(**name));
    let unknown = columns.keys().find(|name| !known().any(|known| known == name));
    match (missing, unknown) {
        (None, None) if columns.len() == header.len() => Ok(columns),
        (None, None) => Err("line 1: a column is there twice".to_owned()),
        (Some(missing), _) => Err(format!("line 1: there is no column `{missing}`")),
        (None, Some(unknown)) => Err(format!(
            "line 1: there is a column `{}`; the columns are {}",
            shortened(unknown, 40),
            known().copied().collect::<Vec<_>>().join(", ")
        )),
    }
}

fn wrong(file: &Path, faults: &[String]) -> Error {
    let mut said: Vec<String> = faults.iter().take(LINES_SAID).cloned().collect();
    if faults.len() > LINES_SAID {
        said.push(format!("and {} more", faults.len() - LINES_SAID));
    }
    Error::new(
        Code::MalformedArgument,
        format!("nothing of {} was imported: {}", file.display(), said.join("; ")),
        "correct these lines and import the file again; docs/metrics.md has the columns",
    )
}
