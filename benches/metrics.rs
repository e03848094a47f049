//! What numbers over many deployments cost, beside reading the rows that they are made of.
//!
//! `cargo bench --bench metrics` prints how long the numbers of 100,000 deployments in one window
//! take (goal: one second), their ratio to a raw read of the same rows in the same run, what it
//! costs to tell a deployment's story for the first time, and what others feel of it meanwhile:
//! how long a writer waits for its commit and a reader for a status, and how long the WAL gets.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise, and prints"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]
#![expect(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "its numbers are small")]

#[path = "../tests/support/place.rs"]
mod place;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/varied.rs"]
mod varied;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use deployment_orchestrator::domain::deployment::Spec;
use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::metrics::change::Production;
use deployment_orchestrator::domain::metrics::dora;
use deployment_orchestrator::domain::metrics::incident::Incident;
use deployment_orchestrator::domain::metrics::pipeline::Pipelines;
use deployment_orchestrator::domain::metrics::window::Window;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::store::{Disk, Durability, Import, Store};
use place::{Place, at, complete, create_as, entry};
use rusqlite::params;
use support::{START, choices, id, spec};
use varied::{APART_MS, Chance, Stories};

/// Deployments in the window.
const DEPLOYMENTS: i64 = 100_000;

/// Incidents in the window: one for each hundred deployments.
const INCIDENTS: u64 = 1_000;

/// Deployments that are really made, record by record.
const REAL: u128 = 500;

const ROUNDS: usize = 5;

fn main() {
    let place = Place::new();
    let store = Store::open_on(&place.path, Disk { durability: Durability::Off, ..Disk::default() }).unwrap();
    let records: usize = (1..=REAL).map(|number| wander(&store, number)).sum();
    drop(store);
    let store = place.open();
    let everything = Window { from: Timestamp(0), until: Timestamp(i64::MAX) };
    let tell = || store.each_story(None, everything, |_| {}).unwrap();
    let (told, telling) = others(&place, &store, 10_000, || timed(tell));
    println!(
        "telling {REAL} deployments of {records} records for the first time: {told:.2?}, {:.0} us each",
        told.as_secs_f64() * 1e6 / REAL as f64
    );
    drop(store);
    let named = fill(&place);

    let store = place.open();
    let incidents = varied::incidents(INCIDENTS, Timestamp(START), DEPLOYMENTS, &named);
    let (known, unknown): (Vec<Incident>, Vec<Incident>) =
        incidents.into_iter().partition(|it| it.deployment.is_some());
    store.import(Import::Incidents(unknown), "grace".parse().unwrap(), at(0)).unwrap();
    let whole = Window { from: Timestamp(START), until: Timestamp(i64::MAX) };
    let half = Window { from: Timestamp(START + DEPLOYMENTS / 2 * APART_MS), ..whole };
    let (mut raw, mut ours, mut worked, mut halves) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        raw.push(timed(|| read_rows(&place)));
        let before = on_cpu();
        ours.push(timed(|| compute(&store, &known, whole)));
        worked.push(on_cpu().saturating_sub(before));
        halves.push(timed(|| compute(&store, &known, half)));
    }
    let (raw, ours, halves) = (median(raw), median(ours), median(halves));
    println!("{DEPLOYMENTS} deployments: reading the rows {raw:.2?}, the numbers {ours:.2?} (goal 1 s)");
    println!("of which at work, and not waiting for others on this machine: {:.2?}", median(worked));
    println!("ratio to the raw read: {:.1}", ours.as_secs_f64() / raw.as_secs_f64());
    println!("the second half of them, which rests on the first: {halves:.2?}");

    let three = || (0..3).for_each(|_| compute(&store, &known, whole));
    let ((), alone) = others(&place, &store, 20_000, || thread::sleep(3 * ours));
    let ((), beside) = others(&place, &store, 40_000, three);
    alone.print("while nobody computes");
    beside.print("while somebody does");
    telling.print("while stories are told");
}

/// A deployment that goes its way, on which every other is now and then tried again, asked anew, taken back or
/// stopped.
/// Returns how many records it has.
fn wander(store: &Store, number: u128) -> usize {
    // What was taken back may not be deployed again.
    let commit = format!("{number:040x}").parse().unwrap();
    let mut deployment = create_as(store, number, Spec { commit, ..spec() });
    if number.is_multiple_of(2) {
        return complete(store, deployment).len();
    }
    let mut chance = Chance(number as u64);
    let mut records = 1;
    while !deployment.progress.state.is_terminal() && records < 100 {
        let now = at(records as i64);
        let mut may = choices(&deployment, now);
        let which = if chance.percent(94) { 0 } else { chance.of(may.len() as u64) as usize };
        let event = may.swap_remove(which);
        if let Ok(next) = store.record(&entry(&deployment, event, now)) {
            deployment = next;
            records += 1;
        }
    }
    records
}

/// The stories of as many deployments as there are to be, in place of those that were told. Returns some of their ids.
fn fill(place: &Place) -> Vec<DeploymentId> {
    let mut raw = place.raw();
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    let all = raw.transaction().unwrap();
    all.execute("DELETE FROM story", []).unwrap();
    let mut named = Vec::new();
    let mut stories = Stories::from(Timestamp(START));
    for number in 0..DEPLOYMENTS {
        let story = stories.next();
        all.prepare_cached("INSERT INTO story VALUES (?1, ?2, ?3, ?4, ?5)")
            .unwrap()
            .execute(params![
                number + 1,
                story.service.as_str(),
                story.ended_at.unwrap().0,
                story.reached_production(),
                postcard::to_allocvec(&story).unwrap(),
            ])
            .unwrap();
        if number % 100 == 0 {
            named.push(story.deployment);
        }
    }
    all.commit().unwrap();
    named
}

fn read_rows(place: &Place) {
    let raw = place.raw();
    let mut select = raw.prepare("SELECT story FROM story WHERE ended_at >= ?1").unwrap();
    let mut rows = select.query([START]).unwrap();
    let mut bytes = 0;
    while let Some(row) = rows.next().unwrap() {
        bytes += row.get_ref(0).unwrap().as_bytes().unwrap().len();
    }
    assert!(bytes > 0);
}

fn compute(store: &Store, known: &[Incident], window: Window) {
    let mut pipelines = Pipelines::within(window);
    let mut production = Production::default();
    store
        .each_story(None, window, |story| {
            pipelines.add(story);
            production.add(story);
        })
        .unwrap();
    production.end(&[], &[]);
    let mut incidents = store.incidents().unwrap();
    incidents.extend_from_slice(known);
    let (dora, _) = dora::of(&production, &incidents, window);
    let ended: u32 = pipelines.end(None).iter().map(|row| row.deployments).sum();
    let changes: u32 = dora.iter().map(|row| row.failed.of).sum();
    assert!(ended > 49_000 && changes > 25_000, "{ended}, {changes}");
}

fn timed(what: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    what();
    begun.elapsed()
}

/// How long this thread had a processor so far; nothing where the system does not say.
fn on_cpu() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(said.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or_default())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What others felt.
struct Felt {
    commits: Vec<Duration>,
    reads: Vec<Duration>,
    /// Bytes of the WAL afterwards.
    wal: u64,
}

impl Felt {
    fn print(&self, when: &str) {
        for (what, times) in [("a commit", &self.commits), ("a status", &self.reads)] {
            let at = |percent: usize| times[(times.len() - 1) * percent / 100];
            println!(
                "{what} {when}: p50 {:.2?}, p99 {:.2?}, longest {:.2?} ({})",
                at(50),
                at(99),
                at(100),
                times.len()
            );
        }
        println!("the WAL {when}: {:.1} MB afterwards", self.wal as f64 / 1e6);
    }
}

/// One who writes and one who reads go on while `meanwhile` runs.
fn others<T>(place: &Place, store: &Store, first: u128, meanwhile: impl FnOnce() -> T) -> (T, Felt) {
    let stop = AtomicBool::new(false);
    let until_stopped = |mut once: Box<dyn FnMut(u128) -> Duration + Send>| {
        let mut times: Vec<Duration> =
            (first..).take_while(|_| !stop.load(Ordering::Relaxed)).map(&mut once).collect();
        times.sort_unstable();
        times
    };
    let (done, commits, reads) = thread::scope(|scope| {
        let writes = scope.spawn(|| {
            until_stopped(Box::new(|number| {
                // Nor does anybody deploy as fast as a disk takes it: then there would be no end of telling.
                thread::sleep(Duration::from_millis(2));
                let deployment = create_as(store, number, spec());
                timed(|| drop(store.record(&entry(&deployment, MainEvent::Start.into(), at(1))).unwrap()))
            }))
        });
        let reads = scope.spawn(|| {
            until_stopped(Box::new(|number| {
                // People do not ask as fast as they are answered.
                thread::sleep(Duration::from_millis(2));
                let id = id(1 + number % REAL);
                timed(|| drop(store.read(|snapshot| snapshot.load(&id)).unwrap()))
            }))
        });
        let done = meanwhile();
        stop.store(true, Ordering::Relaxed);
        (done, writes.join().unwrap(), reads.join().unwrap())
    });
    let wal = std::fs::metadata(place.path.with_extension("db-wal")).map_or(0, |file| file.len());
    (done, Felt { commits, reads, wal })
}
