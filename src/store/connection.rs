//! Opening connections: the one that writes, and those that only read.
//!
//! What durability rests on is read back after it was set, because SQLite
//! ignores a pragma that it does not understand.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{Cause, Error};
use super::schema::{self, Origin};

/// How long a writer waits for a writer of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often, and how long apart, the switch to a write-ahead log is tried: as
/// long as any other writer waits.
const SWITCH_TRIES: u32 = 100;
const SWITCH_PAUSE: Duration = Duration::from_millis(50);

/// Prepared statements kept for each connection; more than we have.
const STATEMENTS: usize = 64;

/// Idle read connections kept open. More readers at once open their own.
const IDLE_READERS: usize = 8;

/// The first SQLite without the race in which a WAL reset could corrupt the database.
const OLDEST_SQLITE: i32 = 3_051_003;

/// The ground that the store stands on. Only tests choose another than the default.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk {
    /// The name of a registered SQLite VFS; `None` for the file system.
    pub vfs: Option<&'static str>,
    /// When a commit counts.
    pub durability: Durability,
    /// Pages in the WAL that begin a checkpoint; `None` for SQLite's own 1,000.
    pub checkpoint: Option<u32>,
}

/// SQLite's `synchronous`, by its number.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Never synced: power loss may corrupt. For tests that must see that.
    Off = 0,
    /// Synced at checkpoints: power loss may take commits back. For tests that must see that.
    Normal = 1,
    /// Synced before each commit is acknowledged.
    #[default]
    Full = 2,
}

/// Makes connections to one database file.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    path: PathBuf,
    disk: Disk,
}

impl Connector {
    /// Create the file where it is absent, check that it is ours and migrate it.
    /// The connection that did so is the one that writes.
    pub(super) fn prepare(path: &Path, disk: Disk) -> Result<(Self, Connection), Error> {
        let connector = Self { path: path.to_owned(), disk };
        if disk.vfs.is_none() {
            create_private(path).map_err(|source| {
                connector.unreadable(
                    "it cannot be created or opened; name a folder that you may write to",
                    Some(Arc::new(source)),
                )
            })?;
        }
        let mut connection = connector.open().map_err(|error| connector.not_ours(error))?;
        match schema::origin(&connection).map_err(|error| connector.not_ours(error))? {
            Origin::Empty | Origin::Ours(..=schema::KNOWN) => {}
            Origin::Ours(found) => return Err(Error::NewerSchema { found, known: schema::KNOWN }),
            Origin::Foreign => {
                return Err(connector
                    .unreadable("another program wrote it; name a file of this program or a new one", None));
            }
        }
        connector.configure(&connection)?;
        schema::migrate(&mut connection)?;
        Ok((connector, connection))
    }

    /// The connection that writes.
    pub(super) fn writer(&self) -> Result<Connection, Error> {
        let connection = self.open()?;
        self.configure(&connection)?;
        Ok(connection)
    }

    fn reader(&self) -> Result<Connection, Error> {
        let connection = self.writer()?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = match self.disk.vfs {
            None => Connection::open_with_flags(&self.path, flags)?,
            Some(vfs) => {
                Connection::open_with_flags_and_vfs(&self.path, flags | OpenFlags::SQLITE_OPEN_CREATE, vfs)?
            }
        };
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise a cached statement is planned anew for each value that is bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        Ok(connection)
    }

    fn configure(&self, connection: &Connection) -> Result<(), Error> {
        let durability = self.disk.durability as i64;
        switch_to_wal(connection)?;
        connection.pragma_update(None, "synchronous", durability)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        if let Some(pages) = self.disk.checkpoint {
            connection.pragma_update(None, "wal_autocheckpoint", pages)?;
        }

        let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let in_force = journal == "wal"
            && number("synchronous")? == durability
            && number("foreign_keys")? == 1
            && rusqlite::version_number() >= OLDEST_SQLITE;
        if in_force {
            Ok(())
        } else {
            Err(self.unreadable(
                "it cannot be written durably; put it on a local disk, not on a network share",
                None,
            ))
        }
    }

    /// What an error means that came before we knew that the file is ours.
    fn not_ours(&self, error: rusqlite::Error) -> Error {
        match Error::from(error) {
            Error::Corrupt { what } => self.unreadable(
                "it is not an SQLite database; name a file of this program or a new one",
                Some(Cause::from(Box::from(what))),
            ),
            Error::Sqlite(source) => {
                self.unreadable("it cannot be opened; check that it is a file you may write", Some(source))
            }
            other => other,
        }
    }

    fn unreadable(&self, what: &'static str, source: Option<Cause>) -> Error {
        Error::Unreadable { path: self.path.clone(), what, source }
    }
}

/// Two processes that start at once on a new file both switch it. SQLite calls
/// that a deadlock and waits for nothing: one of them is refused at once,
/// whatever its timeout, and finds the switch done when it tries again.
fn switch_to_wal(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(Duration::ZERO)?;
    let mut tries = 1;
    let switched = loop {
        let outcome = connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()));
        match outcome.map_err(Error::from) {
            Err(Error::Busy) if tries < SWITCH_TRIES => tries += 1,
            outcome => break outcome,
        }
        std::thread::sleep(SWITCH_PAUSE);
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    switched
}

/// Only the owner may read a deployment's history. SQLite gives its other files the same permissions.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    let mut file = std::fs::OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.recursive(true).create(parent)?;
    }
    file.write(true).create(true).truncate(false).open(path).map(drop)
}

/// The connections that only read. A reader never waits for a writer; it may
/// for a process that recovers the file.
#[derive(Debug)]
pub(super) struct Readers {
    connector: Connector,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, idle: Mutex::new(Vec::new()) }
    }

    /// Read within one snapshot of the database.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let idle = locked(&self.idle).pop();
        let connection = idle.map_or_else(|| self.connector.reader(), Ok)?;
        self.read_on(connection, BUSY_TIMEOUT, read)
    }

    /// [`Self::read`], where a connection is idle and SQLite waits for nobody; else [`Error::Busy`].
    pub(super) fn read_at_once<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = locked(&self.idle).pop();
        self.read_on(idle.ok_or(Error::Busy)?, Duration::ZERO, read)
    }

    fn read_on<T>(
        &self,
        connection: Connection,
        patience: Duration,
        read: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        connection.busy_timeout(patience)?;
        // A connection that is left in a transaction, by an error or a panic, is dropped with it.
        connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
        let outcome = read(&connection);
        connection.prepare_cached("COMMIT")?.execute([])?;
        if !outcome.as_ref().is_err_and(Error::is_fault) {
            let mut idle = locked(&self.idle);
            if idle.len() < IDLE_READERS {
                idle.push(connection);
            }
        }
        outcome
    }
}

/// Whoever panicked while holding it left nothing half done: each of our locks
/// is held for one assignment.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
