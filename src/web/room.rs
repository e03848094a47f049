//! Room for connections: so many at once. When there is no more, whoever has
//! been silent longest makes room for whoever comes. So a crowd that connects
//! and says nothing keeps nobody out; only answers that are under way do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The room.
pub(super) struct Room {
    places: Arc<Semaphore>,
    silent: Mutex<Silent>,
    /// Somebody has fallen silent.
    hush: Notify,
}

/// Who says nothing: has sent no whole head yet, or none since the last answer.
#[derive(Default)]
struct Silent {
    /// Rises, so that the order of keys is that of time.
    next: u64,
    since: BTreeMap<u64, CancellationToken>,
}

impl Room {
    /// Room for so many.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(most)),
            silent: Mutex::default(),
            hush: Notify::new(),
        })
    }

    /// A seat for a newcomer, who is silent. Waits while everybody has an answer under way.
    pub(super) async fn seat(self: &Arc<Self>) -> Arc<Seat> {
        let place = loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                break place;
            }
            if self.send_one_away() {
                break self.place().await;
            }
            tokio::select! {
                place = self.place() => break place,
                () = self.hush.notified() => {}
            }
        };
        let seat = Seat {
            room: Arc::clone(self),
            silent_since: AtomicU64::default(),
            sent_away: CancellationToken::new(),
            _place: place,
        };
        seat.fall_silent();
        Arc::new(seat)
    }

    /// Send everybody away who says nothing.
    pub(super) fn clear(&self) {
        while self.send_one_away() {}
    }

    fn send_one_away(&self) -> bool {
        let longest = self.silent().since.pop_first();
        longest.is_some_and(|(_, seat)| {
            seat.cancel();
            true
        })
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed")
    }

    fn silent(&self) -> MutexGuard<'_, Silent> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's seat. It is free when all that hold it are gone.
pub(super) struct Seat {
    room: Arc<Room>,
    /// The key of its present silence.
    silent_since: AtomicU64,
    sent_away: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Seat {
    /// A turn to speak: until it is dropped, nobody sends the connection away.
    /// `None` if that has happened already.
    pub(super) fn turn(self: &Arc<Self>) -> Option<Turn> {
        let at = self.silent_since.load(Ordering::Relaxed);
        self.room.silent().since.remove(&at).map(|_| Turn(Arc::clone(self)))
    }

    /// Wait to be sent away.
    pub(super) async fn sent_away(&self) {
        self.sent_away.cancelled().await;
    }

    fn fall_silent(&self) {
        let mut silent = self.room.silent();
        silent.next += 1;
        let now = silent.next;
        self.silent_since.store(now, Ordering::Relaxed);
        silent.since.insert(now, self.sent_away.clone());
        self.room.hush.notify_one();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.silent().since.remove(self.silent_since.get_mut());
    }
}

/// Somebody has spoken, and is being answered.
pub(super) struct Turn(Arc<Seat>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fall_silent();
    }
}
