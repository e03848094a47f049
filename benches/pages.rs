//! What the pages cost with a long history: 10,000 deployments stored and 200 in flight,
//! beside an empty database in the same run.
//!
//! `cargo bench --bench pages` prints how long the real binary takes for a page, from the
//! request to the last byte, for somebody who is signed in (goal of the board: 50 ms), beside
//! reading the rows that the board shows and fetching a file that is in memory, and what
//! those wait for who follow the board in 32 browsers while something moves fifty
//! times a second. Nothing drives but this program. `BENCH_DIR` names a folder on the
//! disk to measure.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise, and prints"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures wall time and is told where")]

#[path = "support/crowd.rs"]
mod crowd;
#[path = "../tests/support/place.rs"]
#[expect(dead_code, reason = "a server opens the database")]
mod place;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "support/visit.rs"]
mod visit;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use deployment_orchestrator::clock::{Clock as _, SystemClock};
use deployment_orchestrator::store::Store;
use rusqlite::Connection;
use visit::{PEOPLE, Server, Visitor};

/// Measurements that take turns, because neighbours come and go.
const ROUNDS: usize = 7;

/// Pages of one measurement.
const PAGES: usize = 30;

/// Streams of each person.
const STREAMS: usize = 8;

/// How long people follow.
const FOLLOWED: Duration = Duration::from_secs(5);

/// Between two things that happen meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

fn main() {
    let begun = Instant::now();
    let full = Server::over(|path| {
        crowd::fill(path);
        drive(path);
    });
    println!(
        "{} deployments over and {} in flight, in {:.1?}",
        crowd::OVER,
        crowd::IN_FLIGHT,
        begun.elapsed()
    );
    let empty = Server::over(|_| {});
    let (mut here, mut there) = (full.sign_in(PEOPLE[0]), empty.sign_in(PEOPLE[0]));
    let board = here.open("/");
    println!(
        "the board has {} KB, and {} KB where nothing is",
        board.len() / 1024,
        there.open("/").len() / 1024
    );

    let raw = Connection::open(full.database()).unwrap();
    let of = |state: &str| -> String {
        raw.query_row(
            "SELECT id FROM deployment WHERE state = ?1 ORDER BY number DESC LIMIT 1",
            [state],
            |row| row.get(0),
        )
        .unwrap()
    };
    let (done, asked) = (of("completed"), of("awaiting-approval"));
    let (mut floors, mut boards, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floors.extend(floor(&here, &raw));
        boards.extend(looks(&here, "/"));
        plain.extend(looks(&there, "/"));
    }
    print("the rows that the board shows, and a file", floors);
    print("the board (goal 50 ms)", boards);
    print("the board of an empty database", plain);
    for (what, path) in [
        ("a deployment that is over", format!("/deployments/{done}")),
        ("a deployment that waits for people", format!("/deployments/{asked}")),
        ("an approval that is open", format!("/approvals/{asked}")),
    ] {
        print(what, looks(&here, &path));
    }
    follow(&full);
}

/// Keep the lease, so that no server takes what stands still here for something to do.
fn drive(path: &Path) {
    let store = Store::open(path).unwrap();
    let renew = move || store.lease("bench", SystemClock.now(), Duration::from_secs(10)).map(drop);
    renew().unwrap();
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(3));
            if renew().is_err() {
                return;
            }
        }
    });
}

fn looks(visitor: &Visitor, path: &str) -> Vec<Duration> {
    let mut visitor = in_a_new_tab(visitor);
    (0..PAGES).map(|_| timed(|| drop(visitor.open(path)))).collect()
}

/// What no board can be faster than: reading the rows that it shows, and one file from memory.
fn floor(visitor: &Visitor, raw: &Connection) -> Vec<Duration> {
    let mut visitor = in_a_new_tab(visitor);
    let one = |visitor: &mut Visitor| {
        let mut select = raw
            .prepare_cached("SELECT spec, progress FROM deployment JOIN spec ON spec.deployment = number WHERE active = 1")
            .unwrap();
        let mut rows = select.query([]).unwrap();
        let mut bytes = 0;
        while let Some(row) = rows.next().unwrap() {
            bytes += row.get_ref(0).unwrap().as_str().unwrap().len();
            bytes += row.get_ref(1).unwrap().as_str().unwrap().len();
        }
        assert!(bytes > 0);
        visitor.open("/assets/style.css");
    };
    (0..PAGES).map(|_| timed(|| one(&mut visitor))).collect()
}

/// The server ends connections that rest for ten seconds.
fn in_a_new_tab(visitor: &Visitor) -> Visitor {
    let mut tab = visitor.clone();
    tab.open("/assets/style.css");
    tab
}

fn timed(what: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    what();
    begun.elapsed()
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let millis = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms", millis(50), millis(99));
}

/// Have 32 browsers follow the board while something moves, each asking for it again whenever there is news.
fn follow(server: &Server) {
    let visitors: Vec<Visitor> = PEOPLE.iter().flat_map(|name| vec![server.sign_in(name); STREAMS]).collect();
    let over = Arc::new(AtomicBool::new(false));
    let times = Arc::new(Mutex::new(Vec::new()));
    let begun = Instant::now();
    let followers: Vec<_> = visitors
        .into_iter()
        .map(|mut visitor| {
            let (over, times) = (Arc::clone(&over), Arc::clone(&times));
            thread::spawn(move || {
                let stream = visitor.clone();
                stream.follow("/events", || {
                    let time = timed(|| drop(visitor.open("/")));
                    times.lock().unwrap().push(time);
                    !over.load(Ordering::Relaxed)
                });
            })
        })
        .collect();
    let moved = move_things(&server.database(), begun);
    let pages = std::mem::take(&mut *times.lock().unwrap());
    let per_second = pages.len() as f64 / begun.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    // What is told after the end lets the last of them go.
    move_things(&server.database(), Instant::now());
    followers.into_iter().for_each(|follower| follower.join().unwrap());
    println!("{moved} events in {FOLLOWED:?}, and {per_second:.0} pages a second for those who follow");
    print(&format!("the board with {} streams open", PEOPLE.len() * STREAMS), pages);
}

/// Take deployments on their way, an event at a time, until people have followed long enough. How many events.
fn move_things(path: &Path, begun: Instant) -> usize {
    let store = Store::open(path).unwrap();
    let first = SystemClock.now().0.unsigned_abs().into();
    let mut moved = 0;
    for number in first.. {
        let mut deployment = crowd::create(&store, number);
        while let Some(event) = support::choices(&deployment, SystemClock.now()).into_iter().next() {
            if deployment.progress.state.is_terminal() || deployment.before_environment().is_some() {
                break;
            }
            deployment = store.record(&place::entry(&deployment, event, SystemClock.now())).unwrap();
            moved += 1;
            thread::sleep(PAUSE);
            if begun.elapsed() > FOLLOWED {
                return moved;
            }
        }
    }
    moved
}
