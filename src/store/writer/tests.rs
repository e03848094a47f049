use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::store::connection::Disk;

fn writer(folder: &Path) -> Writer {
    let (connector, connection) = Connector::prepare(&folder.join("test.db"), Disk::default()).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE mark (number INTEGER PRIMARY KEY);
             CREATE TABLE checked_at_commit (number INTEGER REFERENCES mark DEFERRABLE INITIALLY DEFERRED);",
        )
        .unwrap();
    Writer::new(connector, connection)
}

fn mark(connection: &Connection, number: u32) -> Result<u32, Error> {
    connection.prepare_cached("INSERT INTO mark VALUES (?1)")?.execute([number])?;
    Ok(number)
}

fn marks(writer: &Writer) -> u32 {
    let count = |connection: &Connection| {
        Ok(connection.query_row("SELECT count(*) FROM mark", [], |row| row.get(0))?)
    };
    writer.write(count).unwrap()
}

#[test]
fn everybody_in_line_gets_their_own_answer() {
    const THREADS: u32 = 32;
    const ROUNDS: u32 = 20;
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let start = Barrier::new(THREADS as usize);
    let [kept, failed, panicked] = [const { AtomicU32::new(0) }; 3];
    let write = |number: u32| {
        let operation = move |connection: &Connection| match (mark(connection, number)?, number % 5) {
            (_, 3) => Err(Error::corrupt("on purpose")),
            (_, 4) => resume_unwind(Box::new("on purpose")),
            (marked, _) => Ok(marked),
        };
        match catch_unwind(AssertUnwindSafe(|| writer.write(operation))) {
            Ok(Ok(marked)) => {
                assert_eq!(marked, number);
                kept.fetch_add(1, Ordering::Relaxed)
            }
            Ok(Err(_)) => failed.fetch_add(1, Ordering::Relaxed),
            Err(_) => panicked.fetch_add(1, Ordering::Relaxed),
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (start, write) = (&start, &write);
            scope.spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    write(thread * ROUNDS + round);
                }
            });
        }
    });
    let total = THREADS * ROUNDS;
    let counted = [kept, failed, panicked].map(AtomicU32::into_inner);
    assert_eq!(counted, [total / 5 * 3, total / 5, total / 5]);
    assert_eq!(marks(&writer), total / 5 * 3, "what failed or panicked was undone, and nothing else");
}

#[test]
fn a_failed_commit_is_acknowledged_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let good = Arc::new(Seat::new(|connection: &Connection| mark(connection, 1)));
    let bad = Arc::new(Seat::new(|connection: &Connection| {
        connection.execute("INSERT INTO checked_at_commit VALUES (99)", [])?;
        Ok(())
    }));
    locked(&writer.line).led = true;
    locked(&writer.line).waiting.push_back(bad.clone());
    writer.lead(good.clone());
    assert!(good.leave().is_err());
    assert!(bad.leave().is_err());
    assert_eq!(marks(&writer), 0);
}

#[test]
fn a_leader_that_panics_leaves_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let own = Arc::new(Seat::new(|connection: &Connection| mark(connection, 1)));
    let next = Arc::new(Seat::new(|connection: &Connection| mark(connection, 2)));
    locked(&writer.line).led = true;
    let lead = Lead::begin(&writer, own.clone());
    locked(&writer.line).waiting.push_back(next.clone());
    drop(lead);
    assert!(own.leave().is_err());
    assert_eq!(next.wait(), Turn::Lead);
    writer.lead(next.clone());
    assert_eq!(next.leave().unwrap(), 2);
    assert!(!locked(&writer.line).led);
}
