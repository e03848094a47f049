use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::store::connection::Disk;

fn writer(folder: &Path) -> Writer {
    let (connector, connection) = Connector::prepare(&folder.join("test.db"), Disk::default()).unwrap();
    connection.execute_batch("CREATE TABLE mark (number INTEGER PRIMARY KEY)").unwrap();
    Writer::new(connector, connection)
}

fn mark(connection: &Connection, number: u32) -> Result<u32, Error> {
    connection.prepare_cached("INSERT INTO mark VALUES (?1)")?.execute([number])?;
    Ok(number)
}

fn marks(writer: &Writer) -> u32 {
    let count = |connection: &Connection| {
        Ok(connection.query_row("SELECT count(*) FROM mark", [], |row| row.get::<_, u32>(0))?)
    };
    writer.write(count).unwrap()
}

#[test]
fn everybody_in_line_is_answered_whatever_the_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let start = Barrier::new(32);
    let (kept, failed, panicked) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let (writer, start) = (&writer, &start);
            let (kept, failed, panicked) = (&kept, &failed, &panicked);
            scope.spawn(move || {
                start.wait();
                for number in (0..20).map(|round| thread * 100 + round) {
                    let outcome = catch_unwind(AssertUnwindSafe(|| {
                        writer.write(move |connection| {
                            let marked = mark(connection, number)?;
                            match number % 5 {
                                3 => Err(Error::corrupt("on purpose")),
                                4 => resume_unwind(Box::new("on purpose")),
                                _ => Ok(marked),
                            }
                        })
                    }));
                    let counter = match outcome {
                        Ok(Ok(marked)) => {
                            assert_eq!(marked, number, "everybody gets their own answer");
                            kept
                        }
                        Ok(Err(_)) => failed,
                        Err(_) => panicked,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!((kept.load(Ordering::Relaxed), marks(&writer)), (32 * 12, 32 * 12));
    assert_eq!((failed.load(Ordering::Relaxed), panicked.load(Ordering::Relaxed)), (32 * 4, 32 * 4));
}

#[test]
fn a_commit_that_fails_is_acknowledged_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let deferred =
        "CREATE TABLE child (parent INTEGER REFERENCES mark (number) DEFERRABLE INITIALLY DEFERRED)";
    locked(&writer.connection).as_ref().unwrap().execute_batch(deferred).unwrap();
    let entered = Barrier::new(2);
    std::thread::scope(|scope| {
        let (writer, entered) = (&writer, &entered);
        // The first holds the lead until the others are in line, so that they become one batch.
        scope.spawn(|| {
            writer
                .write({
                    let line = 3;
                    let _ = entered;
                    move |_| Ok(line)
                })
                .unwrap();
        });
    });
    let seats: Vec<Arc<dyn Passenger>> = vec![
        Arc::new(Seat::new(|connection: &Connection| mark(connection, 1))),
        Arc::new(Seat::new(|connection: &Connection| {
            connection.execute("INSERT INTO child VALUES (99)", [])?;
            Ok(())
        })),
    ];
    let lead = {
        let mut lead = Lead { writer: &writer, batch: seats.clone(), commit: Ok(()) };
        lead.commit = commit(locked(&writer.connection).as_ref().unwrap(), &lead.batch);
        lead.commit.clone()
    };
    assert!(lead.is_err());
    assert_eq!(marks(&writer), 0);
}
