//! How the server is told to end: by SIGINT (Ctrl+C) or SIGTERM.

use std::{io, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use tftp_server::Handle;

const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// The first signal lets the transfers end, the second ends them.
pub(crate) fn obey(handle: Handle) -> io::Result<()> {
    let mut seen = 0_u8;
    for_each(move || {
        seen = seen.saturating_add(1);
        match seen {
            1 => {
                tracing::info!("shutting down when the transfers have ended");
                handle.shutdown();
            }
            2 => {
                tracing::info!("stopping");
                handle.stop();
            }
            _ => {}
        }
    })
}

/// Starts a thread that does this at each signal.
#[cfg(unix)]
fn for_each(mut act: impl FnMut() + Send + 'static) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new(SIGNALS)?;
    start(move || signals.forever().for_each(|_| act()))
}

/// Starts a thread that does this at each signal, or soon after. Where a signal cannot be waited for, all that its
/// handler can do is to raise a flag.
#[cfg(not(unix))]
fn for_each(mut act: impl FnMut() + Send + 'static) -> io::Result<()> {
    use core::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };
    use std::sync::Arc;

    const LOOK: Duration = Duration::from_millis(100);
    let raised = Arc::new(AtomicBool::new(false));
    for signal in SIGNALS {
        signal_hook::flag::register(signal, Arc::clone(&raised))?;
    }
    start(move || {
        loop {
            if raised.swap(false, Ordering::Relaxed) {
                act();
            }
            thread::sleep(LOOK);
        }
    })
}

fn start(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(run).map(|_| ())
}
