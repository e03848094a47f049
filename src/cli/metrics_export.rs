//! `metrics export`: what numbers are made of, in the columns that `import` takes.

use serde::Serialize;
use serde_json::Value;

use super::cells;
use super::import::{COMMITS, Columns, DEPLOYMENTS, INCIDENTS, MOST_ROWS};
use super::{Global, output};
use crate::app::metrics::{ExportView, MetricsRequest};
use crate::app::{App, Code, Error};

/// What to export.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Rows {
    /// What came to environments, and what was put back there.
    Deployments {
        #[command(flatten)]
        of: Of,
        /// Only of this environment.
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
    },
    /// Commits that were new in production, and when they were made.
    Commits {
        #[command(flatten)]
        of: Of,
        /// Only of this environment.
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
    },
    /// Incidents. They are of services, and so of no environment.
    Incidents {
        #[command(flatten)]
        of: Of,
    },
}

/// Of what.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// How far back, such as 30d, 2w or 12h.
    #[arg(long, default_value = "30d", value_name = "SPAN")]
    window: String,
    /// Only of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

impl Of {
    fn and(self, environment: Option<String>) -> MetricsRequest {
        MetricsRequest { window: Some(self.window), service: self.service, environment }
    }
}

pub(super) async fn run(global: &Global, app: &App, rows: Rows) -> Result<(), Error> {
    match rows {
        Rows::Deployments { of, environment } => {
            print(global, DEPLOYMENTS, &app.export_deployments(of.and(environment)).await?)
        }
        Rows::Commits { of, environment } => {
            print(global, COMMITS, &app.export_commits(of.and(environment)).await?)
        }
        Rows::Incidents { of } => print(global, INCIDENTS, &app.export_incidents(of.and(None)).await?),
    }
}

fn print<T: Serialize>(global: &Global, columns: Columns, export: &ExportView<T>) -> Result<(), Error> {
    if export.commits_without_time > 0 {
        let missing = export.commits_without_time;
        output::note(&format!("{missing} commits are missing: nobody said when they were made"));
    }
    if global.json {
        return output::json(export);
    }
    if export.rows.len() > MOST_ROWS {
        output::note(&format!("`import` takes {MOST_ROWS} rows of a file; split it"));
    }
    let table = csv(columns, &export.rows)
        .map_err(|error| Error::new(Code::IoFailed, format!("the table cannot be made: {error}"), ""))?;
    output::line(table.trim_end());
    Ok(())
}

fn csv(
    (needed, others): Columns,
    rows: &[impl Serialize],
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let columns = || needed.iter().chain(others);
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(columns())?;
    for row in rows {
        let row = serde_json::to_value(row)?;
        let text = |column: &&str| row.get(column).and_then(Value::as_str).unwrap_or_default();
        out.write_record(columns().map(|column| cells::marked(text(column)).into_owned()))?;
    }
    Ok(String::from_utf8(out.into_inner()?)?)
}
