//! Dying at a commit: SQLite says when a COMMIT begins and when it has ended,
//! on every connection of this process.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::ffi;
use serde::{Deserialize, Serialize};

/// A side of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    /// Nothing of it is written.
    Before,
    /// It is on the disk, and nobody was told.
    After,
}

/// The commit at which this process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Death {
    pub(crate) commit: u32,
    pub(crate) side: Side,
}

static DEATH: OnceLock<Option<Death>> = OnceLock::new();
static BEGUN: AtomicU32 = AtomicU32::new(0);
static ENDED: AtomicU32 = AtomicU32::new(0);

/// Count commits from now on, and die at this one.
#[expect(
    unsafe_code,
    reason = "SQLite takes an extension as a C function; this one opens and closes nothing"
)]
pub(crate) fn watch(death: Option<Death>) {
    DEATH.set(death).expect("a process watches once");
    // SAFETY: the extension has the signature that SQLite calls.
    let registered = unsafe { ffi::sqlite3_auto_extension(Some(attach)) };
    assert_eq!(registered, ffi::SQLITE_OK);
}

/// How many commits there were.
pub(crate) fn count() -> u32 {
    ENDED.load(Ordering::SeqCst)
}

#[expect(unsafe_code, reason = "called by SQLite with the connection that it opens")]
unsafe extern "C" fn attach(
    connection: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    let events = ffi::SQLITE_TRACE_STMT | ffi::SQLITE_TRACE_PROFILE;
    // SAFETY: the connection is open, and `traced` has the signature that SQLite calls.
    unsafe { ffi::sqlite3_trace_v2(connection, events as c_uint, Some(traced), std::ptr::null_mut()) }
}

#[expect(unsafe_code, reason = "called by SQLite with a statement that it runs")]
unsafe extern "C" fn traced(
    event: c_uint,
    _context: *mut c_void,
    statement: *mut c_void,
    _more: *mut c_void,
) -> c_int {
    // SAFETY: for both events SQLite passes the statement, whose text lives as long as it does.
    let sql = unsafe {
        let sql = ffi::sqlite3_sql(statement.cast());
        if sql.is_null() { return 0 } else { CStr::from_ptr(sql) }
    };
    if sql.to_bytes().eq_ignore_ascii_case(b"COMMIT") {
        let begins = event == ffi::SQLITE_TRACE_STMT as c_uint;
        let (counter, side) = if begins { (&BEGUN, Side::Before) } else { (&ENDED, Side::After) };
        let commit = counter.fetch_add(1, Ordering::SeqCst) + 1;
        if DEATH.get() == Some(&Some(Death { commit, side })) {
            die();
        }
    }
    0
}

/// Killed, and not ended: nothing is flushed, closed or said.
fn die() -> ! {
    let killed = Command::new("sh").args(["-c", "kill -KILL $PPID"]).status();
    drop(killed);
    loop {
        std::thread::park();
    }
}
