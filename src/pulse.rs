//! Whether work advances: the engine beats after every pass that did its part,
//! and whoever watches sees how long ago that was.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The engine's pulse, shared by clones. Monotonic: putting the clock back
/// neither stops it nor brings it back to life.
#[derive(Debug, Clone)]
pub struct Pulse(watch::Sender<Beat>);

#[derive(Debug, Clone, Copy)]
struct Beat {
    at: Instant,
    /// Whether it is a pass that ended well, and not the beginning.
    ended: bool,
}

impl Default for Pulse {
    /// A pulse that has not beaten. Its age counts from now.
    fn default() -> Self {
        Self(watch::Sender::new(Beat { at: Instant::now(), ended: false }))
    }
}

impl Pulse {
    /// A pass ended well.
    pub fn beat(&self) {
        self.0.send_replace(Beat { at: Instant::now(), ended: true });
    }

    /// How long ago the last pass ended well, or the first one was due.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.0.borrow().at.elapsed()
    }

    /// Wait until it stands still for longer than `most`, or beats again where it
    /// `stood_still` for so long.
    pub async fn turns(&self, most: Duration, stood_still: bool) {
        let mut beats = self.0.subscribe();
        loop {
            let age = self.age();
            if (age > most) != stood_still {
                return;
            }
            if stood_still {
                beats.changed().await.expect("this pulse is a sender of its own beats");
            } else {
                // A hair later than `most`, so that it is longer.
                tokio::time::sleep(most.saturating_sub(age) + Duration::from_millis(1)).await;
            }
        }
    }

    /// Whether any pass has ended well.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.borrow().ended
    }
}
