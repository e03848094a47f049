//! A disk in memory that remembers in which order it was written, so that power
//! can be cut after each operation of a run that happened only once.
//!
//! SQLite reaches it as the VFS [`VFS`]. A file `/<disk>/<name>` lives on the
//! [`Disk`] of that name; its content is what the process sees, page cache
//! included. What would be left after the loss of power is computed from the
//! log by [`Platter`]: what was synced is there, and each write since is kept,
//! torn between sectors, or gone.
//!
//! The file locks and the shared memory of the WAL are real enough for several
//! connections in one process, and are gone with the power. Creating and
//! deleting a file takes effect at once, as SQLite syncs folders itself.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

/// The name of the VFS. [`Disk::new`] registers it.
pub(crate) const VFS: &str = "power-loss";

/// How often a sync lets other threads run, as the wait for a real disk does.
const SYNC_YIELDS: usize = 100;

/// A disk keeps or loses a sector as a whole.
const SECTOR: usize = 512;

/// The content of each file, by its name on the disk.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What a disk was told, in order.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Write { file: String, offset: usize, bytes: Vec<u8> },
    Truncate { file: String, size: usize },
    Sync { file: String },
    Delete { file: String },
}

/// One disk. Dropped once no connection is left on it.
pub(crate) struct Disk {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: Files,
    log: Vec<Operation>,
    fault: Option<Fault>,
    /// By file: which connection holds which lock.
    locks: BTreeMap<String, BTreeMap<u64, c_int>>,
    shared: BTreeMap<String, Shared>,
    opened: u64,
}

/// An operation that fails, once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// A sync, as of a dying disk.
    Sync,
    /// A write, as of a full disk.
    Full,
}

/// The shared memory of one WAL: its regions, and who holds its eight locks.
#[derive(Default)]
struct Shared {
    regions: Vec<Box<[u64]>>,
    holders: [Vec<u64>; ffi::SQLITE_SHM_NLOCK as usize],
    exclusive: [bool; ffi::SQLITE_SHM_NLOCK as usize],
}

static DISKS: LazyLock<Mutex<BTreeMap<String, Arc<Disk>>>> = LazyLock::new(Mutex::default);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// A disk of this name with these files on it.
    pub(crate) fn new(name: &str, files: Files) -> Arc<Self> {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(vfs::register);
        let state = State { files, ..State::default() };
        let disk = Arc::new(Self { name: name.to_owned(), state: Mutex::new(state) });
        locked(&DISKS).insert(name.to_owned(), disk.clone());
        disk
    }

    /// Where the file of this name is for SQLite.
    pub(crate) fn path(&self, file: &str) -> String {
        format!("/{}/{file}", self.name)
    }

    /// How much it has been told so far.
    pub(crate) fn operations(&self) -> usize {
        locked(&self.state).log.len()
    }

    /// All that it was told.
    pub(crate) fn log(&self) -> Vec<Operation> {
        locked(&self.state).log.clone()
    }

    /// Let the next operation of that kind fail.
    pub(crate) fn fail(&self, fault: Fault) {
        locked(&self.state).fault = Some(fault);
    }

    /// Forget it. Its memory is freed with its last connection.
    pub(crate) fn discard(&self) {
        locked(&DISKS).remove(&self.name);
    }
}

/// What is on the medium: the synced content of each file, and what was written since.
#[derive(Default)]
pub(crate) struct Platter {
    durable: Files,
    pending: Vec<Operation>,
}

impl Platter {
    /// Take note of the next operation.
    pub(crate) fn take(&mut self, operation: &Operation) {
        match operation {
            Operation::Write { .. } | Operation::Truncate { .. } => self.pending.push(operation.clone()),
            Operation::Sync { file } => {
                self.durable.entry(file.clone()).or_default();
                let durable = &mut self.durable;
                self.pending.retain(|pending| {
                    let synced = pending.file() == file;
                    if synced {
                        pending.apply(durable);
                    }
                    !synced
                });
            }
            Operation::Delete { file } => {
                self.durable.remove(file);
                self.pending.retain(|pending| pending.file() != file);
            }
        }
    }

    /// What is there when the power comes back: of each unsynced write all
    /// (one in two), a part (one in four), or nothing.
    pub(crate) fn lose_power(&self, seed: u64) -> Files {
        let mut random = seed;
        let mut dice = |sides: usize| {
            // SplitMix64: small, and the same on every machine.
            random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % sides
        };
        let mut files = self.durable.clone();
        for pending in &self.pending {
            match (dice(4), pending) {
                (0 | 1, pending) => pending.apply(&mut files),
                (2, Operation::Write { file, offset, bytes }) => {
                    let mut at = *offset;
                    for sector in bytes.chunks(SECTOR) {
                        if dice(2) == 0 {
                            write(files.entry(file.clone()).or_default(), at, sector);
                        }
                        at += sector.len();
                    }
                }
                _ => {}
            }
        }
        files
    }
}

impl Operation {
    pub(crate) fn file(&self) -> &str {
        match self {
            Self::Write { file, .. }
            | Self::Truncate { file, .. }
            | Self::Sync { file }
            | Self::Delete { file } => file,
        }
    }

    fn apply(&self, files: &mut Files) {
        match self {
            Self::Write { file, offset, bytes } => {
                write(files.entry(file.clone()).or_default(), *offset, bytes);
            }
            Self::Truncate { file, size } => files.entry(file.clone()).or_default().resize(*size, 0),
            Self::Delete { file } => drop(files.remove(file)),
            Self::Sync { .. } => {}
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if content.len() < offset + bytes.len() {
        content.resize(offset + bytes.len(), 0);
    }
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// An open file: what the callbacks below do, in safe Rust.
struct Open {
    disk: Arc<Disk>,
    file: String,
    connection: u64,
    /// SQLite's own scratch, which needs no durability.
    temporary: bool,
}

impl Open {
    fn new(name: Option<&str>) -> Option<Self> {
        let (disk, file) = match name {
            Some(name) => {
                let (disk, file) = name.strip_prefix('/')?.split_once('/')?;
                (locked(&DISKS).get(disk)?.clone(), file.to_owned())
            }
            None => (Arc::new(Disk { name: String::new(), state: Mutex::default() }), String::new()),
        };
        let connection = {
            let mut state = locked(&disk.state);
            state.files.entry(file.clone()).or_default();
            state.opened += 1;
            state.opened
        };
        Some(Self { disk, file, connection, temporary: name.is_none() })
    }

    fn read(&self, buffer: &mut [u8], offset: usize) -> c_int {
        let state = locked(&self.disk.state);
        let content =
            state.files.get(&self.file).map_or(&[][..], |content| content.get(offset..).unwrap_or(&[]));
        let there = content.len().min(buffer.len());
        buffer[..there].copy_from_slice(&content[..there]);
        buffer[there..].fill(0);
        if there == buffer.len() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
    }

    fn sync(&self) -> c_int {
        for _ in 0..SYNC_YIELDS {
            std::thread::yield_now();
        }
        self.tell(Operation::Sync { file: self.file.clone() })
    }

    fn tell(&self, operation: Operation) -> c_int {
        let mut state = locked(&self.disk.state);
        let failed = match (state.fault, &operation) {
            (Some(Fault::Sync), Operation::Sync { .. }) => ffi::SQLITE_IOERR_FSYNC,
            (Some(Fault::Full), Operation::Write { .. }) => ffi::SQLITE_FULL,
            _ => ffi::SQLITE_OK,
        };
        if failed != ffi::SQLITE_OK {
            state.fault = None;
            return failed;
        }
        operation.apply(&mut state.files);
        if !self.temporary {
            state.log.push(operation);
        }
        ffi::SQLITE_OK
    }

    fn size(&self) -> usize {
        locked(&self.disk.state).files.get(&self.file).map_or(0, Vec::len)
    }

    /// Raise the lock, if the other connections allow it.
    fn lock(&self, level: c_int) -> c_int {
        let mut state = locked(&self.disk.state);
        let locks = state.locks.entry(self.file.clone()).or_default();
        let others = locks.iter().filter(|(holder, _)| **holder != self.connection);
        let highest = others.map(|(_, level)| *level).max().unwrap_or(ffi::SQLITE_LOCK_NONE);
        let allowed = match level {
            ffi::SQLITE_LOCK_SHARED => highest < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_EXCLUSIVE => highest == ffi::SQLITE_LOCK_NONE,
            _ => highest < ffi::SQLITE_LOCK_RESERVED,
        };
        if !allowed {
            return ffi::SQLITE_BUSY;
        }
        locks.insert(self.connection, level);
        ffi::SQLITE_OK
    }

    fn unlock(&self, level: c_int) -> c_int {
        let mut state = locked(&self.disk.state);
        let locks = state.locks.entry(self.file.clone()).or_default();
        if level == ffi::SQLITE_LOCK_NONE {
            locks.remove(&self.connection);
        } else {
            locks.insert(self.connection, level);
        }
        ffi::SQLITE_OK
    }

    fn is_reserved(&self) -> bool {
        let state = locked(&self.disk.state);
        state
            .locks
            .get(&self.file)
            .is_some_and(|locks| locks.values().any(|level| *level >= ffi::SQLITE_LOCK_RESERVED))
    }

    /// The region of the shared memory. It stays where it is until the disk is gone.
    fn map(&self, region: usize, size: usize, extend: bool) -> *mut c_void {
        let mut state = locked(&self.disk.state);
        let shared = state.shared.entry(self.file.clone()).or_default();
        while extend && shared.regions.len() <= region {
            shared.regions.push(vec![0; size.div_ceil(8)].into_boxed_slice());
        }
        shared.regions.get_mut(region).map_or(std::ptr::null_mut(), |region| region.as_mut_ptr().cast())
    }

    fn lock_shared(&self, first: usize, count: usize, flags: c_int) -> c_int {
        let mut state = locked(&self.disk.state);
        let shared = state.shared.entry(self.file.clone()).or_default();
        let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        for slot in first..first + count {
            let holders = &mut shared.holders[slot];
            if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
                holders.retain(|holder| *holder != self.connection);
                shared.exclusive[slot] &= !exclusive;
            } else if shared.exclusive[slot] && *holders != [self.connection]
                || exclusive && holders.iter().any(|holder| *holder != self.connection)
            {
                return ffi::SQLITE_BUSY;
            }
        }
        if flags & ffi::SQLITE_SHM_LOCK != 0 {
            for slot in first..first + count {
                if !shared.holders[slot].contains(&self.connection) {
                    shared.holders[slot].push(self.connection);
                }
                shared.exclusive[slot] = exclusive;
            }
        }
        ffi::SQLITE_OK
    }
}

fn exists(name: &str) -> bool {
    let Some((disk, file)) = name.strip_prefix('/').and_then(|name| name.split_once('/')) else {
        return false;
    };
    let disk = locked(&DISKS).get(disk).cloned();
    disk.is_some_and(|disk| locked(&disk.state).files.contains_key(file))
}

fn delete(name: &str) -> c_int {
    match Open::new(Some(name)) {
        Some(open) => open.tell(Operation::Delete { file: open.file.clone() }),
        None => ffi::SQLITE_IOERR_DELETE,
    }
}

/// The C side: callbacks that turn pointers into references and call the above.
#[expect(unsafe_code, reason = "SQLite asks for a table of C functions")]
#[expect(clippy::undocumented_unsafe_blocks, reason = "they share the two promises of SQLite below")]
mod vfs;
