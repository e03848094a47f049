//! A bell between those who write events and those who wait for them, within
//! one process. It carries nothing: whoever hears it looks at the database.

use tokio::sync::watch;

/// The bell.
#[derive(Debug, Clone)]
pub struct Wake(watch::Sender<u64>);

impl Default for Wake {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Wake {
    /// Something was recorded.
    pub fn ring(&self) {
        self.0.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    /// Hear every ring from now on; rings that come close together are one.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// Somebody who waits for the bell.
#[derive(Debug)]
pub struct Listener(watch::Receiver<u64>);

impl Listener {
    /// The next ring. When nobody can ring any more, waits for ever.
    pub async fn heard(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
