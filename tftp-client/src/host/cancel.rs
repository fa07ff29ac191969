//! How a caller ends a transfer.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// Ends a transfer from another thread or a signal handler: within a twentieth of a second the server is
/// sent ERROR 0, and the transfer returns [`Error::Cancelled`](crate::Error::Cancelled). A transfer that is complete stays so.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A handle that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every transfer that was given a clone of this handle, now and later.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A flag that something else sets, such as a signal handler.
impl From<Arc<AtomicBool>> for Cancel {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}
