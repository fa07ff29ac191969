//! Storing uploads without holding up the event loop.

use core::fmt;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use super::{control::Control, guard::guarded, timers::SessionRef};
use crate::{ContentError, Sink};

/// Files that are flushed to the disk at once, or one for each loop if there are more.
const MOST_THREADS: usize = 4;

struct Job {
    session: SessionRef,
    sink: Box<dyn Sink>,
}

/// A file is stored, or not.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) session: SessionRef,
    pub(crate) result: Result<(), ContentError>,
}

/// Threads that commit complete files: a flush takes as long as the disk likes.
pub(crate) struct Committer {
    control: Arc<Control>,
    /// The loop that it works for, and threads that it may have.
    worker: usize,
    most: usize,
    /// `None` only while it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    waiting: Arc<Mutex<mpsc::Receiver<Job>>>,
    done: (mpsc::Sender<Committed>, mpsc::Receiver<Committed>),
    threads: Vec<JoinHandle<()>>,
    /// Jobs that have not been collected.
    open: usize,
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Committer {
    /// For one of so many loops.
    pub(crate) fn new(control: Arc<Control>, worker: usize, workers: usize) -> Self {
        let (jobs, waiting) = mpsc::channel();
        Self {
            control,
            worker,
            most: MOST_THREADS.div_ceil(workers.max(1)),
            jobs: Some(jobs),
            waiting: Arc::new(Mutex::new(waiting)),
            done: mpsc::channel(),
            threads: Vec::new(),
            open: 0,
        }
    }

    /// Has `sink` committed. The result can be collected later, and the loop is woken for it.
    pub(crate) fn commit(
        &mut self,
        session: SessionRef,
        sink: Box<dyn Sink>,
    ) -> Result<(), ContentError> {
        if self.threads.len() < self.most && self.open >= self.threads.len() {
            match self.spawn() {
                Ok(thread) => self.threads.push(thread),
                // Those that are there will do.
                Err(_) if !self.threads.is_empty() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let sent = self
            .jobs
            .as_ref()
            .map(|jobs| jobs.send(Job { session, sink }));
        match sent {
            Some(Ok(())) => {
                self.open = self.open.saturating_add(1);
                Ok(())
            }
            _ => Err(io::Error::from(io::ErrorKind::BrokenPipe).into()),
        }
    }

    pub(crate) fn collect(&mut self) -> Option<Committed> {
        let committed = self.done.1.try_recv().ok()?;
        self.open = self.open.saturating_sub(1);
        Some(committed)
    }

    fn spawn(&self) -> io::Result<JoinHandle<()>> {
        let (waiting, done) = (Arc::clone(&self.waiting), self.done.0.clone());
        let (control, worker) = (Arc::clone(&self.control), self.worker);
        thread::Builder::new()
            .name("tftp-commit".to_owned())
            .spawn(move || {
                loop {
                    let job = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    let Ok(Job { session, sink }) = job else {
                        return;
                    };
                    let result = guarded(|| sink.commit());
                    if done.send(Committed { session, result }).is_err() {
                        return;
                    }
                    control.wake(worker);
                }
            })
    }
}

impl Drop for Committer {
    /// Lets what is being stored be stored.
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // It does not panic: a sink that does is caught.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    struct Panicking;

    impl Sink for Panicking {
        fn write(&mut self, _: &[u8]) -> Result<(), ContentError> {
            Ok(())
        }

        fn commit(self: Box<Self>) -> Result<(), ContentError> {
            panic!("on purpose");
        }
    }

    #[test]
    fn a_sink_that_panics_is_reported_and_leaves_its_thread_to_the_next() {
        let mut committer = Committer::new(Arc::new(Control::new([])), 0, MOST_THREADS);
        for key in 0..2 {
            let session = SessionRef { key, serial: 1 };
            committer.commit(session, Box::new(Panicking)).unwrap();
        }
        for key in 0..2 {
            let committed = committer.done.1.recv_timeout(Duration::from_secs(10));
            let committed = committed.unwrap();
            assert_eq!(committed.session.key, key);
            assert!(committed.result.is_err());
        }
    }
}
