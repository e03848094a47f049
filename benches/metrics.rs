//! What numbers over many deployments cost, beside reading the rows that they are made of.
//!
//! `cargo bench --bench metrics` prints how long the numbers of 100,000 deployments in one
//! window take (goal: one second), their ratio to a raw read of the same rows in the same run,
//! what it costs to tell a deployment's story for the first time, and how long
//! a writer waits for its commit while somebody computes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise, and prints"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]

#[path = "../tests/support/place.rs"]
mod place;
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use deployment_orchestrator::domain::event::MainEvent;
use deployment_orchestrator::domain::metrics::change::Production;
use deployment_orchestrator::domain::metrics::dora;
use deployment_orchestrator::domain::metrics::pipeline::Pipelines;
use deployment_orchestrator::domain::metrics::story::Story;
use deployment_orchestrator::domain::metrics::window::Window;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::store::{Disk, Durability, Store};
use place::{Place, at, complete, create_as, entry};
use rusqlite::params;
use support::{START, id, spec};

/// Deployments in the window.
const DEPLOYMENTS: i64 = 100_000;

/// Deployments that are really made, record by record.
const REAL: u128 = 500;

const ROUNDS: usize = 5;

fn main() {
    let place = Place::new();
    let disk = Disk { durability: Durability::Off, ..Disk::default() };
    let store = Store::open_on(&place.path, disk).unwrap();
    let mut records = 0;
    for number in 1..=REAL {
        records += complete(&store, create_as(&store, number, spec())).len();
    }
    let everything = Window { from: Timestamp(0), until: Timestamp(i64::MAX) };
    let begun = Instant::now();
    let mut story = None;
    store.each_story(None, everything, |it| story = Some(it.clone())).unwrap();
    let told = begun.elapsed();
    println!(
        "telling {REAL} deployments of {records} records for the first time: {told:.2?}, {:.0} µs each",
        told.as_secs_f64() * 1e6 / REAL as f64
    );
    drop(store);
    multiply(&place, &story.unwrap());

    let window = Window { from: at(0), until: at(DEPLOYMENTS * 60) };
    let store = place.open();
    let (mut raw, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        raw.push(timed(|| read_rows(&place)));
        ours.push(timed(|| compute(&store, window)));
    }
    let (raw, ours) = (median(raw), median(ours));
    println!("{DEPLOYMENTS} deployments: reading the rows {raw:.2?}, the numbers {ours:.2?} (goal 1 s)");
    println!("ratio to the raw read: {:.1}", ours.as_secs_f64() / raw.as_secs_f64());

    let alone = commits(&store, 10_000, || thread::sleep(ours));
    let beside = commits(&store, 20_000, || compute(&store, window));
    println!("a commit while nobody computes: p99 {:.2?}, longest {:.2?}", alone.0, alone.1);
    println!("a commit while somebody does:   p99 {:.2?}, longest {:.2?}", beside.0, beside.1);
}

/// As many stories as there are to be, a minute apart, each with times and commits of its own.
fn multiply(place: &Place, one: &Story) {
    let mut raw = place.raw();
    let all = raw.transaction().unwrap();
    all.execute("DELETE FROM story", []).unwrap();
    all.pragma_update(None, "foreign_keys", false).unwrap();
    {
        let mut insert = all.prepare("INSERT INTO story VALUES (?1, 'checkout', ?2, 1, ?3)").unwrap();
        for number in 0..DEPLOYMENTS {
            let story = moved(one, number);
            let text = serde_json::to_string(&story).unwrap();
            insert.execute(params![number + 1, story.ended_at.unwrap().0, text]).unwrap();
        }
    }
    all.commit().unwrap();
}

fn moved(one: &Story, number: i64) -> Story {
    let later = |at: Timestamp| Timestamp(at.0 + number * 60_000);
    let mut story = one.clone();
    story.deployment = id(number as u128 + 1_000);
    story.commit = format!("{number:040x}").parse().unwrap();
    story.created_at = later(story.created_at);
    story.ended_at = story.ended_at.map(later);
    for asked in &mut story.approvals {
        asked.requested_at = later(asked.requested_at);
        asked.decided_at = asked.decided_at.map(later);
        asked.triggered_at = asked.triggered_at.map(later);
    }
    for rollout in &mut story.rollouts {
        rollout.arrived_at = rollout.arrived_at.map(later);
    }
    story
}

fn read_rows(place: &Place) {
    let raw = place.raw();
    let mut select = raw.prepare("SELECT story FROM story WHERE ended_at >= ?1").unwrap();
    let mut rows = select.query([START]).unwrap();
    let mut bytes = 0;
    while let Some(row) = rows.next().unwrap() {
        bytes += row.get_ref(0).unwrap().as_str().unwrap().len();
    }
    assert!(bytes > 0);
}

fn compute(store: &Store, window: Window) {
    let mut pipelines = Pipelines::within(window);
    let mut production = Production::default();
    store
        .each_story(None, window, |story| {
            pipelines.add(story);
            production.add(story);
        })
        .unwrap();
    production.end(&[], &[]);
    let rows = pipelines.end(None);
    let (dora, _) = dora::of(&production, &store.incidents().unwrap(), window);
    assert_eq!(i64::from(rows[0].deployments), DEPLOYMENTS);
    assert_eq!(i64::from(dora[0].deployments), DEPLOYMENTS);
}

fn timed(what: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    what();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How long commits take while `meanwhile` runs: 99 of 100, and the longest.
fn commits(store: &Store, first: u128, meanwhile: impl FnOnce()) -> (Duration, Duration) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut times = Vec::new();
            for number in first.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let deployment = create_as(store, number, spec());
                times.push(timed(|| drop(store.record(&entry(&deployment, MainEvent::Start.into(), at(1))))));
            }
            times.sort_unstable();
            (times[times.len() * 99 / 100], *times.last().unwrap())
        });
        meanwhile();
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    })
}
