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

    /// Whether any pass has ended well.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.borrow().ended
    }
}
