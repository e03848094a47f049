//! Several servers on one database, and servers that die: every deployment
//! ends, and no pipeline runs twice.

use std::sync::Mutex;
use std::time::Duration;

use deployment_orchestrator::harness::simulator::{Endpoint, Phase, Pipeline, Script};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::room::{ALL_PIPELINES, DECIDES, PATIENCE, Room};
use crate::wire::{Era, Wire};

/// The pipelines up to staging.
const TO_STAGING: [&str; 4] = ["build_and_push", "run_tests", "deploy_dev", "deploy_staging"];

/// A dead driver keeps its lease for five seconds; the rest is for a slow machine.
const TAKEOVER: Duration = Duration::from_secs(20);

/// Runs of `deploy_dev` last long enough to die during one.
fn script() -> Script {
    Script::instant().with("deploy_dev", Pipeline::lasting(1_000))
}

#[tokio::test]
async fn servers_that_start_at_once_on_a_new_database_all_answer() {
    let room = Room::furnished(script()).await;
    let mut servers: Vec<Wire> = (0..6).map(|_| Wire::silent(room.server(), Era::Modern)).collect();
    for server in &mut servers {
        server.done("list_deployments", json!({})).await;
    }
    let id = servers[0].start("staging").await;
    for server in &mut servers {
        assert_eq!(server.wait(&id, "ended").await["state"], "completed");
    }
    room.assert_ran_once(&TO_STAGING);
    for server in servers {
        assert_eq!(server.close().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_takes_over_from_one_that_dies_while_a_pipeline_runs() {
    let room = Room::furnished(script()).await;
    let mut began = moment(&room, "deploy_dev", Phase::Processed, Then::GoOn);
    let (mut driver, mut other) = driver_and_other(&room).await;

    // Whoever is asked, the driver drives and both answer.
    let id = other.start("staging").await;
    began.reached().await;
    for server in [&mut driver, &mut other] {
        server.wait(&id, "deploying-dev").await;
        let listed = server.done("list_deployments", json!({ "active": true })).await;
        assert_eq!(listed["deployments"][0]["deployment_id"], id.as_str(), "{listed}");
    }
    driver.kill().await;

    let dead_since = Instant::now();
    assert_eq!(other.wait(&id, "ended").await["state"], "completed");
    assert!(dead_since.elapsed() < TAKEOVER, "{:?}", dead_since.elapsed());
    room.assert_ran_once(&TO_STAGING);

    let ended = other.close().await;
    assert!(ended.stderr.contains("this process drives deployments now"), "{}", ended.stderr);
    room.run(&["audit", "verify"]).await.assert_done();
}

/// The worst moment: Harness has started the run, and nobody is there for the reply.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_reply_met_a_dead_server_is_adopted() {
    let room = Room::furnished(script()).await;
    let mut began = moment(&room, "deploy_dev", Phase::Processed, Then::Hold);
    let (driver, mut other) = driver_and_other(&room).await;

    let id = other.start("staging").await;
    began.reached().await;
    driver.kill().await;
    began.release();

    assert_eq!(other.wait(&id, "ended").await["state"], "completed");
    room.assert_ran_once(&TO_STAGING);
    assert_eq!(other.close().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_continues() {
    let room = Room::furnished(script()).await;
    let mut began = moment(&room, "deploy_dev", Phase::Processed, Then::GoOn);
    let mut first = room.session(Era::Modern).await;
    let id = first.start("prod").await;
    began.reached().await;
    first.kill().await;

    let mut second = room.session(Era::Legacy).await;
    assert_eq!(second.wait(&id, "attention").await["state"], "awaiting-approval");
    second.kill().await;

    // The decision of a person needs no server.
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();

    let mut third = room.session(Era::Modern).await;
    assert_eq!(third.wait(&id, "ended").await["state"], "completed");
    room.assert_ran_once(&ALL_PIPELINES);
    assert_eq!(third.close().await.code, Some(0));
    room.run(&["audit", "verify"]).await.assert_done();
}

/// Two servers of one room, the one that holds the lease first.
async fn driver_and_other(room: &Room) -> (Wire, Wire) {
    let first = room.session(Era::Modern).await;
    let second = room.session(Era::Legacy).await;
    let driver = driver(room).await;
    if driver == first.pid() {
        (first, second)
    } else {
        assert_eq!(driver, second.pid());
        (second, first)
    }
}

/// The process that holds the lease, once one does.
async fn driver(room: &Room) -> u32 {
    let connection = Connection::open_with_flags(room.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let begun = Instant::now();
    loop {
        let holder: Result<String, _> =
            connection.query_row("SELECT holder FROM lease", [], |row| row.get(0));
        if let Ok(holder) = holder {
            return holder.split('-').next().unwrap().parse().unwrap();
        }
        assert!(begun.elapsed() < TAKEOVER, "nobody drives");
        tokio::task::yield_now().await;
    }
}

/// A moment of the world that a test waits for.
struct Moment {
    reached: mpsc::UnboundedReceiver<()>,
    release: std::sync::mpsc::Sender<()>,
}

/// What the world does at that moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It goes on.
    GoOn,
    /// It holds its breath until it is released, or the test is over.
    Hold,
}

/// The first time that Harness is at `phase` of running `pipeline`.
fn moment(room: &Room, pipeline: &'static str, at: Phase, then: Then) -> Moment {
    let (tell, reached) = mpsc::unbounded_channel();
    let (release, released) = std::sync::mpsc::channel();
    let released = Mutex::new(released);
    room.harness.on_request(move |call, phase| {
        let runs = matches!(call.endpoint, Endpoint::Execute | Endpoint::ExecuteWithInputSets);
        if runs && phase == at && call.pipeline.as_ref().is_some_and(|it| it.as_str() == pipeline) {
            let _ = tell.send(());
            if then == Then::Hold {
                let wait = || released.lock().unwrap().recv_timeout(PATIENCE);
                let _ = tokio::task::block_in_place(wait);
            }
        }
    });
    Moment { reached, release }
}

impl Moment {
    async fn reached(&mut self) {
        tokio::time::timeout(PATIENCE, self.reached.recv()).await.expect("the moment comes");
    }

    fn release(&self) {
        let _ = self.release.send(());
    }
}
