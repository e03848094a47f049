//! What the store costs beside raw SQLite: the same durability, the same disk, the same run.
//!
//! `cargo bench --bench store` prints transitions per second, and the ratios
//! that count. The raw probe does what ours does: each client drives deployments
//! of its own, one after another from the first event to the last, and waits for
//! the commit of one event before it sends the next. So a raw batch, too, touches
//! 64 rows that are neighbours, and not 64 of a thousand.
//!
//! Disks change their speed while one looks, so a number of ours is taken between
//! two of the raw probe, and thrown away if those two disagree.
//! `BENCH_DIR` names a folder on the disk to measure.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures wall time and is told where")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use deployment_orchestrator::domain::deployment::Deployment;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::store::{Allowance, Authority, Entry, Expected, Store};
use rusqlite::Connection;
use support::{START, choices, id, spec};

/// A B A triples for each ratio.
const TRIPLES: usize = 7;

/// Two raw probes further apart than this say that the disk changed in between.
const STEADY: f64 = 1.5;

const CLIENTS: usize = 64;
const RAW_BATCH: usize = 64;
const ONE_BY_ONE: usize = 3_000;
const PER_CLIENT: usize = 600;

fn main() {
    let base = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    println!("fdatasync of 8 KiB, appended: {:.0}/s", in_folder(&base, raw_sync));

    let alone = compare("one at a time", &base, raw_one_by_one, store_one_by_one);
    alone.print("raw SQLite in the same thread", 0.8);

    let together = compare("64 at once", &base, raw_group, store_together);
    together.print("raw group commit by a writer thread", 0.4);
    println!("64 at once, the store to raw one at a time: {:.1} (goal 8.0)", together.ours / alone.raw);
    println!("fdatasync of 8 KiB, appended: {:.0}/s", in_folder(&base, raw_sync));
}

/// Medians of one comparison, in transitions per second.
struct Compared {
    what: &'static str,
    raw: f64,
    ours: f64,
    ratio: f64,
    kept: usize,
}

impl Compared {
    fn print(&self, raw: &str, goal: f64) {
        println!("{}: {raw} {:.0}/s, the store {:.0}/s", self.what, self.raw, self.ours);
        println!(
            "{}: ratio {:.2} (goal {goal}), {} of {TRIPLES} triples kept",
            self.what, self.ratio, self.kept
        );
    }
}

fn compare(what: &'static str, base: &Path, raw: fn(&Path) -> f64, ours: fn(&Path) -> f64) -> Compared {
    let mut triples = Vec::new();
    for _ in 0..TRIPLES {
        let (before, between, after) = (in_folder(base, raw), in_folder(base, ours), in_folder(base, raw));
        if before.max(after) / before.min(after) <= STEADY {
            triples.push((f64::midpoint(before, after), between));
        }
    }
    Compared {
        what,
        raw: median(triples.iter().map(|(raw, _)| *raw)),
        ours: median(triples.iter().map(|(_, ours)| *ours)),
        ratio: median(triples.iter().map(|(raw, ours)| ours / raw)),
        kept: triples.len(),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn in_folder(base: &Path, measure: fn(&Path) -> f64) -> f64 {
    let folder = tempfile::tempdir_in(base).unwrap();
    measure(folder.path())
}

fn per_second(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

fn raw_sync(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("probe")).unwrap();
    let begun = Instant::now();
    for _ in 0..1_000 {
        file.write_all(&[0x5A; 8_192]).unwrap();
        file.sync_data().unwrap();
    }
    per_second(1_000, begun)
}

/// The two statements that a transition cannot do without.
struct Raw {
    connection: Connection,
    /// How many transitions take a deployment to its end.
    way: usize,
    document: String,
    event: String,
}

impl Raw {
    fn open(folder: &Path) -> Self {
        let connection = Connection::open(folder.join("raw.db")).unwrap();
        connection.set_prepared_statement_cache_capacity(16);
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE deployment (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, due_at INTEGER,
                                          document TEXT NOT NULL) STRICT;
                 CREATE INDEX due ON deployment (due_at) WHERE due_at IS NOT NULL;
                 CREATE TABLE event (deployment INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
                                     PRIMARY KEY (deployment, version)) STRICT, WITHOUT ROWID;",
            )
            .unwrap();
        let way = way(0).1.len();
        let raw = Self { connection, way, document: "d".repeat(400), event: "e".repeat(180) };
        raw.run("BEGIN");
        for number in 0..CLIENTS * PER_CLIENT.div_ceil(way) {
            raw.connection
                .prepare_cached("INSERT INTO deployment VALUES (?1, 1, 0, ?2)")
                .unwrap()
                .execute((number as i64, &raw.document))
                .unwrap();
        }
        raw.run("COMMIT");
        raw
    }

    fn run(&self, sql: &str) {
        self.connection.prepare_cached(sql).unwrap().execute([]).unwrap();
    }

    fn transition(&self, Step { client, clients, number }: Step) {
        let row = (client + number / self.way * clients) as i64;
        let version = (number % self.way) as i64 + 1;
        let saved = self
            .connection
            .prepare_cached(
                "UPDATE deployment SET version = ?2 + 1, due_at = ?3, document = ?4 WHERE id = ?1 AND version = ?2",
            )
            .unwrap()
            .execute((row, version, number as i64, &self.document))
            .unwrap();
        assert_eq!(saved, 1);
        self.connection
            .prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3)")
            .unwrap()
            .execute((row, version + 1, &self.event))
            .unwrap();
    }
}

/// The `number`-th transition of one of the clients.
#[derive(Clone, Copy)]
struct Step {
    client: usize,
    clients: usize,
    number: usize,
}

/// A step, and whom to tell that it is committed.
type Sent = (Step, SyncSender<()>);

fn raw_one_by_one(folder: &Path) -> f64 {
    let raw = Raw::open(folder);
    let begun = Instant::now();
    for number in 0..ONE_BY_ONE {
        raw.run("BEGIN IMMEDIATE");
        raw.transition(Step { client: 0, clients: 1, number });
        raw.run("COMMIT");
    }
    per_second(ONE_BY_ONE, begun)
}

fn raw_group(folder: &Path) -> f64 {
    let raw = Raw::open(folder);
    let (send, receive) = sync_channel::<Sent>(CLIENTS);
    let writer = thread::spawn(move || serve(&raw, &receive));
    let start = Arc::new(Barrier::new(CLIENTS + 1));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (send, start) = (send.clone(), start.clone());
            thread::spawn(move || {
                let (ack, acked) = sync_channel(1);
                start.wait();
                for number in 0..PER_CLIENT {
                    send.send((Step { client, clients: CLIENTS, number }, ack.clone())).unwrap();
                    acked.recv().unwrap();
                }
            })
        })
        .collect();
    drop(send);
    start.wait();
    let begun = Instant::now();
    clients.into_iter().for_each(|client| client.join().unwrap());
    let rate = per_second(CLIENTS * PER_CLIENT, begun);
    writer.join().unwrap();
    rate
}

fn serve(raw: &Raw, receive: &Receiver<Sent>) {
    while let Ok(first) = receive.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(receive.try_iter().take(RAW_BATCH - 1)).collect();
        raw.run("BEGIN IMMEDIATE");
        batch.iter().for_each(|(step, _)| raw.transition(*step));
        raw.run("COMMIT");
        batch.iter().for_each(|(_, ack)| ack.send(()).unwrap());
    }
}

/// The events that bring a deployment to its end, known in advance.
fn way(number: usize) -> (Deployment, Vec<Entry>) {
    let first = Deployment::create(id(number as u128), spec(), Timestamp(START));
    let mut deployment = first.clone();
    let mut entries = Vec::new();
    while !deployment.progress.state.is_terminal() {
        let version = deployment.progress.version;
        let at = Timestamp(START + i64::try_from(version).unwrap() * 1_000);
        let event = choices(&deployment, at).remove(0);
        deployment.progress = deployment.apply(&event, at).unwrap().progress;
        entries.push(Entry {
            id: deployment.id.clone(),
            event,
            actor: Actor::ENGINE,
            expected: Expected::Version(version),
            authority: Authority::Caller,
            allowance: Allowance::Unlimited,
            at,
        });
    }
    (first, entries)
}

/// For each client, events that drive one deployment after another to its end.
/// Deployments that are under way together were created together.
fn ways(store: &Store, clients: usize, transitions: usize) -> Vec<Vec<Entry>> {
    let mut all = vec![Vec::new(); clients];
    let mut numbers = 0..;
    while all.iter().any(|entries| entries.len() < transitions) {
        for (entries, number) in all.iter_mut().zip(&mut numbers) {
            let (first, way) = way(number);
            store.create(first.id, spec(), Allowance::Unlimited, first.created_at).unwrap();
            entries.extend(way);
        }
    }
    all.iter_mut().for_each(|entries| entries.truncate(transitions));
    all
}

fn store_one_by_one(folder: &Path) -> f64 {
    let store = Store::open(&folder.join("store.db")).unwrap();
    let entries = ways(&store, 1, ONE_BY_ONE).concat();
    let begun = Instant::now();
    for entry in &entries {
        store.record(entry).unwrap();
    }
    per_second(ONE_BY_ONE, begun)
}

fn store_together(folder: &Path) -> f64 {
    let store = Arc::new(Store::open(&folder.join("store.db")).unwrap());
    let start = Arc::new(Barrier::new(CLIENTS + 1));
    let clients: Vec<_> = ways(&store, CLIENTS, PER_CLIENT)
        .into_iter()
        .map(|entries| {
            let (store, start) = (store.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                for entry in &entries {
                    store.record(entry).unwrap();
                }
            })
        })
        .collect();
    start.wait();
    let begun = Instant::now();
    clients.into_iter().for_each(|client| client.join().unwrap());
    per_second(CLIENTS * PER_CLIENT, begun)
}
