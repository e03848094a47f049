//! The schema and its migrations. The list is append-only: a released migration never changes.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::error::{Cause, Error};

const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema.sql")),
    M::up(include_str!("schema_2.sql")),
    M::up(include_str!("schema_3.sql")),
    M::up(include_str!("schema_4.sql")),
    M::up(include_str!("schema_5.sql")),
    M::up(include_str!("schema_6.sql")),
    M::up(include_str!("schema_7.sql")),
    M::up(include_str!("schema_8.sql")),
    M::up(include_str!("schema_9.sql")),
    M::up(include_str!("schema_10.sql")),
];

/// The newest schema that this program knows.
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// Marks a file as ours: `dorc`, for people who call `file` on it.
const APPLICATION: u32 = 0x646F_7263;

/// Whose file it is, as far as its header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// There is nothing in it.
    Empty,
    /// We wrote it, with this schema.
    Ours(u32),
    /// Another program wrote it.
    Foreign,
}

pub(super) fn origin(connection: &Connection) -> rusqlite::Result<Origin> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
    let empty: bool =
        connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    Ok(match (number("application_id")?, number("user_version")?) {
        (APPLICATION, version) => Origin::Ours(version),
        (0, 0) if empty => Origin::Empty,
        _ => Origin::Foreign,
    })
}

/// Bring the schema up to [`KNOWN`]. Each step is one transaction, so that a
/// crash leaves one schema or the next. Where several processes start at once,
/// one of them does it and the others find it done.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let mut before = version(connection)?;
    loop {
        if before > KNOWN {
            return Err(Error::NewerSchema { found: before, known: KNOWN });
        }
        let Err(error) = Migrations::from_slice(STEPS).to_latest(connection) else { return Ok(()) };
        let after = version(connection)?;
        if after == before {
            return Err(Error::Sqlite(Cause::from(Box::from(error))));
        }
        before = after;
    }
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_apply() {
        Migrations::from_slice(STEPS).validate().unwrap();
    }
}
