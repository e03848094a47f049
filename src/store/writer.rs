//! Group commit: writers that come together are committed together.
//!
//! A disk makes a few thousand syncs a second, and a commit needs one. So the
//! first caller who finds nobody at work leads: it commits on its own thread,
//! without a hand-over that would cost as much as the sync. Whoever comes
//! meanwhile takes a seat in line. When the leader is done, the first in line
//! leads next and takes the others along: one transaction, one sync for all.
//!
//! An operation that fails has nearly always written nothing, because it looks
//! first. So nothing is prepared for the other case: then the whole batch is
//! undone and done again, each in a savepoint.
//!
//! What holds:
//!
//! - A caller is answered after the commit that contains its operation, never before.
//! - A failed operation is undone alone. A failed commit fails everybody in it.
//! - A panicking operation is undone alone, and the panic goes on in its own caller.
//! - There is a leader whenever somebody waits. Leadership is handed over by
//!   dropping [`Lead`], so that not even a panic of ours leaves the line waiting.
//! - A connection that saw the disk fail is dropped, and the next leader opens another.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};

use rusqlite::Connection;

use super::connection::{Connector, locked};
use super::error::{Cause, Error};

/// The most operations in one commit. Bounds how long the first of them waits
/// for the last; the gain of one shared sync is spent well before.
const LARGEST_BATCH: usize = 128;

/// The one place through which everything is written.
pub(super) struct Writer {
    connector: Connector,
    /// The leader's. `None` after a failure of the disk.
    connection: Mutex<Option<Connection>>,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    led: bool,
    waiting: VecDeque<Arc<dyn Passenger>>,
}

/// An operation of any type, as the leader of its batch sees it.
trait Passenger: Send + Sync {
    /// Run the operation in the open transaction, and keep what it returns in
    /// place of what it returned before.
    fn perform(&self, connection: &Connection) -> Performed;
    /// Tell its caller how the commit went.
    fn settle(&self, commit: &Result<(), Error>);
    /// Tell its caller to lead.
    fn promote(&self);
}

/// What to do with the changes of one operation.
enum Performed {
    Keep,
    /// There are none.
    Nothing,
    Undo,
    /// The disk failed: undo the whole batch.
    GiveUp(Error),
}

impl Writer {
    /// `connection` is the first; when it fails, `connector` makes the next.
    pub(super) fn new(connector: Connector, connection: Connection) -> Self {
        Self { connector, connection: Mutex::new(Some(connection)), line: Mutex::default() }
    }

    /// Run `operation` in a transaction of the writing connection and commit it,
    /// together with whatever else is waiting. What it returns is returned once
    /// it is on the disk; when it fails, its changes are undone. It may be run
    /// again from the same beginning, and only the last run counts.
    pub(super) fn write<T, F>(&self, operation: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Error> + Send + Sync + 'static,
    {
        let seat = Arc::new(Seat::new(operation));
        match self.join(&seat) {
            Turn::Lead => self.lead(seat.clone()),
            Turn::Wait | Turn::Leave => {}
        }
        seat.leave()
    }

    /// Lead at once if nobody does; else wait in line until called.
    fn join<T, F>(&self, seat: &Arc<Seat<T, F>>) -> Turn
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Error> + Send + Sync + 'static,
    {
        {
            let mut line = locked(&self.line);
            if !std::mem::replace(&mut line.led, true) {
                return Turn::Lead;
            }
            line.waiting.push_back(seat.clone());
        }
        seat.wait()
    }

    /// Commit `own` and those who wait, then hand over.
    fn lead(&self, own: Arc<dyn Passenger>) {
        let mut lead = Lead::begin(self, own);
        let mut slot = locked(&self.connection);
        lead.commit = match slot.take().map_or_else(|| self.connector.writer(), Ok) {
            Ok(connection) => {
                let commit = commit(&connection, &lead.batch);
                if connection.is_autocommit() && !commit.as_ref().is_err_and(Error::is_fault) {
                    *slot = Some(connection);
                }
                commit
            }
            Err(error) => Err(error),
        };
    }
}

/// The time of one leader. However it ends, the line goes on and nobody in the batch is forgotten.
struct Lead<'w> {
    writer: &'w Writer,
    batch: Vec<Arc<dyn Passenger>>,
    commit: Result<(), Error>,
}

impl<'w> Lead<'w> {
    fn begin(writer: &'w Writer, own: Arc<dyn Passenger>) -> Self {
        let mut line = locked(&writer.line);
        let others = line.waiting.len().min(LARGEST_BATCH - 1);
        let batch = std::iter::once(own).chain(line.waiting.drain(..others)).collect();
        let interrupted = Cause::from(Box::from("the thread that was committing panicked"));
        Self { writer, batch, commit: Err(Error::Sqlite(interrupted)) }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let next = {
            let mut line = locked(&self.writer.line);
            let next = line.waiting.pop_front();
            line.led = next.is_some();
            next
        };
        if let Some(next) = next {
            next.promote();
        }
        for passenger in &self.batch {
            passenger.settle(&self.commit);
        }
    }
}

fn commit(connection: &Connection, batch: &[Arc<dyn Passenger>]) -> Result<(), Error> {
    run(connection, "BEGIN IMMEDIATE")?;
    let committed = perform(connection, batch).and_then(|()| run(connection, "COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        // If even this fails, the caller sees the transaction still open and drops the connection.
        let _ = run(connection, "ROLLBACK");
    }
    committed
}

/// Run all operations, so that the open transaction has what is to be committed.
fn perform(connection: &Connection, batch: &[Arc<dyn Passenger>]) -> Result<(), Error> {
    for passenger in batch {
        match passenger.perform(connection) {
            Performed::Keep | Performed::Nothing => {}
            Performed::Undo => {
                run(connection, "ROLLBACK")?;
                run(connection, "BEGIN IMMEDIATE")?;
                return perform_apart(connection, batch);
            }
            Performed::GiveUp(error) => return Err(error),
        }
    }
    Ok(())
}

/// The same, with what fails undone alone.
fn perform_apart(connection: &Connection, batch: &[Arc<dyn Passenger>]) -> Result<(), Error> {
    for passenger in batch {
        run(connection, "SAVEPOINT one")?;
        match passenger.perform(connection) {
            Performed::Keep | Performed::Nothing => {}
            Performed::Undo => run(connection, "ROLLBACK TO one")?,
            Performed::GiveUp(error) => return Err(error),
        }
        run(connection, "RELEASE one")?;
    }
    Ok(())
}

fn run(connection: &Connection, sql: &'static str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Where a caller waits for its operation.
struct Seat<T, F> {
    caller: Thread,
    operation: F,
    ticket: Mutex<Ticket<T>>,
}

struct Ticket<T> {
    turn: Turn,
    outcome: Option<Outcome<T>>,
}

/// What an operation returned, or its panic.
type Outcome<T> = Result<Result<T, Error>, Box<dyn Any + Send>>;

/// What a caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Wait,
    Lead,
    Leave,
}

impl<T, F> Seat<T, F> {
    fn new(operation: F) -> Self {
        let ticket = Ticket { turn: Turn::Wait, outcome: None };
        Self { caller: thread::current(), operation, ticket: Mutex::new(ticket) }
    }

    fn wait(&self) -> Turn {
        loop {
            match locked(&self.ticket).turn {
                Turn::Wait => {}
                turn => return turn,
            }
            thread::park();
        }
    }

    /// Take the outcome along. It is there once the batch is settled.
    fn leave(&self) -> Result<T, Error> {
        match locked(&self.ticket).outcome.take().expect("whoever is called to leave was settled before") {
            Ok(outcome) => outcome,
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl<T, F> Passenger for Seat<T, F>
where
    T: Send + 'static,
    F: Fn(&Connection) -> Result<T, Error> + Send + Sync + 'static,
{
    fn perform(&self, connection: &Connection) -> Performed {
        let before = connection.total_changes();
        // What a panic may leave half done is in the database, and is undone.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.operation)(connection)));
        let performed = match &outcome {
            Ok(Ok(_)) => Performed::Keep,
            Ok(Err(error)) if error.is_fault() || connection.is_autocommit() => {
                Performed::GiveUp(error.clone())
            }
            Ok(Err(_)) | Err(_) if connection.total_changes() == before => Performed::Nothing,
            Ok(Err(_)) | Err(_) => Performed::Undo,
        };
        locked(&self.ticket).outcome = Some(outcome);
        performed
    }

    fn settle(&self, commit: &Result<(), Error>) {
        {
            let mut ticket = locked(&self.ticket);
            // A refusal may rest on an operation of the same batch, so it falls with the commit.
            if let Err(error) = commit
                && !matches!(ticket.outcome, Some(Err(_)))
            {
                ticket.outcome = Some(Ok(Err(error.clone())));
            }
            ticket.turn = Turn::Leave;
        }
        self.caller.unpark();
    }

    fn promote(&self) {
        locked(&self.ticket).turn = Turn::Lead;
        self.caller.unpark();
    }
}

#[cfg(test)]
mod tests;
