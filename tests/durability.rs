//! What the store promises about the disk: how often it syncs, and that nothing
//! acknowledged is lost, wherever the power fails.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's job"
)]

#[path = "support/disk/mod.rs"]
mod disk;
#[path = "support/place.rs"]
#[expect(dead_code, reason = "its disks are of another kind")]
mod place;
#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Barrier;

use deployment_orchestrator::domain::deployment::{Deployment, Spec};
use deployment_orchestrator::domain::event::{Event, EventName, MainEvent};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::replay::replay;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::store::{self, Allowance, Created, Durability, Entry, Error, Store};
use disk::{Disk, Fault, Files, Operation, Platter, VFS};
use rusqlite::{Connection, OpenFlags};
use support::{START, choices, id, spec};

const FILE: &str = "orchestrator.db";

/// Rounds of luck for each point at which the power fails. `POWER_LOSS_LUCK`
/// asks for more: 4 are ten thousand crashes, 40 are a night's.
#[expect(clippy::disallowed_methods, reason = "a test is told how thorough to be")]
fn rounds_of_luck() -> u64 {
    std::env::var("POWER_LOSS_LUCK").map_or(1, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Small, so that the power also fails within checkpoints.
const CHECKPOINT: u32 = 60;

fn open(disk: &Disk, durability: Durability) -> Result<Store, Error> {
    let ground = store::Disk { vfs: Some(VFS), durability, checkpoint: Some(CHECKPOINT) };
    Store::open_on(Path::new(&disk.path(FILE)), ground)
}

fn at(version: u64) -> Timestamp {
    Timestamp(START + i64::try_from(version).unwrap() * 1_000)
}

fn entry(deployment: &Deployment, event: Event) -> Entry {
    place::entry(deployment, event, at(deployment.progress.version))
}

/// Each brings a commit of its own: one that was rolled back is kept out.
fn create(store: &Store, number: u128) -> Deployment {
    let spec = Spec { commit: format!("5c1b2f0{number:033x}").parse().unwrap(), ..spec() };
    match store.create(id(number), spec, Allowance::Unlimited, at(0)).unwrap() {
        Created::Fresh(deployment) | Created::Existing(deployment) => deployment,
    }
}

/// What was acknowledged, and how much the disk had been told by then.
struct Run {
    log: Vec<Operation>,
    acknowledged: Vec<(usize, Deployment)>,
}

/// Drive deployments until every event that can be reached has been recorded:
/// each time the first event that is new, or else the one that leads on.
fn drive(durability: Durability, luck: &str) -> Run {
    let disk = Disk::new(&format!("run-{durability:?}-{luck}"), Files::new());
    let store = open(&disk, durability).unwrap();
    let mut seen = BTreeSet::new();
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let before = seen.len();
        let mut deployment = create(&store, number);
        acknowledged.push((disk.operations(), deployment.clone()));
        for _ in 0..60 {
            let events = choices(&deployment, at(deployment.progress.version));
            let fresh = |event: &&Event| !seen.contains(&event.name().0);
            let next = events.iter().filter(fresh).chain(&events).find_map(|event| {
                let next = store.record(&entry(&deployment, event.clone())).ok()?;
                Some((event.name(), next))
            });
            let Some((EventName(name), next)) = next else { break };
            seen.insert(name);
            acknowledged.push((disk.operations(), next.clone()));
            deployment = next;
        }
        if seen.len() == before {
            break;
        }
    }
    assert!(seen.len() >= 24, "{seen:?}");
    let log = disk.log();
    drop(store);
    disk.discard();
    Run { log, acknowledged }
}

/// What went wrong after a loss of power, over all of them.
#[derive(Debug, Default)]
struct Toll {
    crashes: usize,
    unharmed: usize,
    lost: usize,
    damaged: usize,
}

/// Cut the power after each operation of `run` and look at what is left.
fn cut_everywhere(run: &Run, durability: Durability) -> Toll {
    let mut platter = Platter::default();
    let mut toll = Toll::default();
    let rounds = rounds_of_luck();
    for (index, operation) in run.log.iter().enumerate() {
        platter.take(operation);
        for luck in 0..rounds {
            let left = platter.lose_power(index as u64 * rounds + luck);
            let disk = Disk::new(&format!("left-{durability:?}-{index}-{luck}"), left);
            toll.crashes += 1;
            match survey(&disk, run, index + 1) {
                Ok(()) => toll.unharmed += 1,
                Err(Harm::Lost) => toll.lost += 1,
                Err(Harm::Damaged(what)) => {
                    assert!(durability != Durability::Full, "after operation {index}, luck {luck}: {what}");
                    toll.damaged += 1;
                }
            }
            disk.discard();
        }
    }
    toll
}

#[derive(Debug)]
enum Harm {
    /// Something acknowledged is not there.
    Lost,
    /// What is there does not fit together.
    Damaged(String),
}

/// Open what is left after the first `told` operations, and compare.
fn survey(disk: &Disk, run: &Run, told: usize) -> Result<(), Harm> {
    let damaged = |what: String| Harm::Damaged(what);
    let store = open(disk, Durability::Full).map_err(|error| damaged(format!("open: {error:?}")))?;
    store.verify_chain().map_err(|error| damaged(format!("chain: {error}")))?;
    let mut promised: BTreeMap<&DeploymentId, &Deployment> = BTreeMap::new();
    let mut under_way = None;
    for (end, deployment) in &run.acknowledged {
        if *end > told {
            under_way = Some(deployment);
            break;
        }
        promised.insert(&deployment.id, deployment);
    }
    for (id, promised) in promised {
        let stored = match store.load(id) {
            Ok(stored) => stored,
            Err(Error::NotFound { .. }) => return Err(Harm::Lost),
            Err(error) => return Err(damaged(format!("load: {error:?}"))),
        };
        if stored.progress.version < promised.progress.version {
            return Err(Harm::Lost);
        }
        if stored != *promised && Some(&stored) != under_way {
            return Err(damaged(format!("{id} is something that it never was")));
        }
        if replayed(&store, id)? != stored {
            return Err(damaged(format!("{id} is not what its events make")));
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let check: String = Connection::open_with_flags_and_vfs(disk.path(FILE), flags, VFS)
        .and_then(|raw| raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)))
        .map_err(|error| damaged(error.to_string()))?;
    if check == "ok" { Ok(()) } else { Err(damaged(check)) }
}

fn replayed(store: &Store, id: &DeploymentId) -> Result<Deployment, Harm> {
    let events = store.history(id, 0, 1_000).map_err(|error| Harm::Damaged(error.to_string()))?;
    let replayed = replay(&events).map_err(|error| Harm::Damaged(error.to_string()))?;
    Ok(replayed.deployment)
}

#[test]
fn no_loss_of_power_takes_back_what_was_acknowledged() {
    let run = drive(Durability::Full, "kept");
    let toll = cut_everywhere(&run, Durability::Full);
    println!("{} transitions: {toll:?}", run.acknowledged.len());
    assert_eq!((toll.lost, toll.damaged), (0, 0), "{toll:?}");
    assert!(toll.crashes > 2_000, "{toll:?}");
}

/// The same eyes see the loss where SQLite is told to allow it.
#[test]
fn weaker_settings_are_seen_to_lose_and_to_damage() {
    let run = drive(Durability::Normal, "control");
    let toll = cut_everywhere(&run, Durability::Normal);
    println!("NORMAL: {toll:?}");
    assert!(toll.lost * 2 >= toll.crashes, "NORMAL loses what was acknowledged: {toll:?}");

    let run = drive(Durability::Off, "control");
    let toll = cut_everywhere(&run, Durability::Off);
    println!("OFF: {toll:?}");
    assert!((toll.lost + toll.damaged) * 2 >= toll.crashes, "OFF loses more: {toll:?}");
    assert!(toll.damaged * 4 >= toll.crashes, "OFF damages: {toll:?}");
}

fn wal_syncs(log: &[Operation]) -> usize {
    let is_wal_sync = |it: &&Operation| matches!(it, Operation::Sync { .. }) && it.file().ends_with("-wal");
    log.iter().filter(is_wal_sync).count()
}

/// Take a deployment to its end, the first choice each time, and count the steps.
fn complete(store: &Store, mut deployment: Deployment) -> usize {
    let mut transitions = 0;
    while !deployment.progress.state.is_terminal() {
        let event = choices(&deployment, at(deployment.progress.version)).remove(0);
        deployment = store.record(&entry(&deployment, event)).unwrap();
        transitions += 1;
    }
    transitions
}

#[test]
fn one_client_pays_one_sync_for_a_transition() {
    let disk = Disk::new("one-client", Files::new());
    let ground = store::Disk { vfs: Some(VFS), ..store::Disk::default() };
    let store = Store::open_on(Path::new(&disk.path(FILE)), ground).unwrap();
    let mut transitions = 0;
    let mut syncs = 0;
    for number in 0..10 {
        let deployment = create(&store, number);
        let before = wal_syncs(&disk.log());
        transitions += complete(&store, deployment);
        syncs += wal_syncs(&disk.log()) - before;
    }
    println!("{syncs} syncs for {transitions} transitions");
    assert!(syncs >= transitions, "each is synced");
    assert!(syncs as f64 <= 1.02 * transitions as f64, "{syncs} syncs for {transitions} transitions");
}

#[test]
fn clients_that_come_together_share_their_syncs() {
    const CLIENTS: u128 = 64;
    let disk = Disk::new("many-clients", Files::new());
    let ground = store::Disk { vfs: Some(VFS), ..store::Disk::default() };
    let store = Store::open_on(Path::new(&disk.path(FILE)), ground).unwrap();
    let deployments: Vec<_> = (0..CLIENTS).map(|number| create(&store, number)).collect();
    let before = wal_syncs(&disk.log());
    let start = Barrier::new(deployments.len());
    let transitions: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = deployments
            .into_iter()
            .map(|deployment| {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    start.wait();
                    complete(store, deployment)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let syncs = wal_syncs(&disk.log()) - before;
    println!("{syncs} syncs for {transitions} transitions");
    assert!(syncs as f64 <= 0.05 * transitions as f64, "{syncs} syncs for {transitions} transitions");
    store.verify_chain().unwrap();
}

#[test]
fn a_failing_disk_is_told_to_the_caller_and_survived() {
    let disk = Disk::new("failing", Files::new());
    let store = open(&disk, Durability::Full).unwrap();
    let deployment = create(&store, 1);
    let start = entry(&deployment, MainEvent::Start.into());

    disk.fail(Fault::Sync);
    assert!(matches!(store.record(&start), Err(Error::Sqlite(_))));
    assert_eq!(store.load(&deployment.id).unwrap(), deployment);
    disk.fail(Fault::Full);
    assert!(matches!(store.record(&start), Err(Error::Full)));
    assert_eq!(store.load(&deployment.id).unwrap(), deployment);

    let started = store.record(&start).unwrap();
    assert_eq!(store.load(&deployment.id).unwrap(), started);
    assert_eq!(store.verify_chain().unwrap().position, 2);
}
