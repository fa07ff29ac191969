//! Other programs, run under a deadline and killed with all that they have started.

use core::time::Duration;
use std::{
    io::{self, BufRead as _, BufReader, Read},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process_group};

/// A program that leads a process group of its own.
pub(crate) struct Process {
    child: Child,
    log: Log,
}

impl Process {
    /// Starts it, with both its outputs in one log. Its input is nothing unless the command says otherwise.
    pub(crate) fn start(mut command: Command) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        command
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .process_group(0);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // With the command go our ends for writing, so that the log ends with the program.
        drop(command);
        Self {
            child,
            log: Log::follow(reader),
        }
    }

    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // A group whose processes have all ended is as good as told.
        let _ = kill_process_group(self.group(), signal);
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for its end; it is killed at the deadline.
    pub(crate) fn finish(mut self, limit: Duration) -> Finished {
        let in_time = self.log.wait_for_end(limit);
        if !in_time {
            self.signal(Signal::KILL);
        }
        let status = self.child.wait().unwrap();
        Finished {
            status: in_time.then_some(status),
            output: self.log.text(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// How a program has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// `None` if it did not end in time.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) output: String,
}

impl Finished {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }
}

pub(crate) fn run(mut command: Command, limit: Duration) -> Finished {
    command.stdin(Stdio::null());
    Process::start(command).finish(limit)
}

/// What a program has written so far.
#[derive(Clone)]
pub(crate) struct Log(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    text: String,
    ended: bool,
}

impl Log {
    fn follow(reader: impl Read + Send + 'static) -> Self {
        let log = Self(Arc::default());
        let ours = log.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut line = Vec::new();
            while reader
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                ours.update(|written| written.text.push_str(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            ours.update(|written| written.ended = true);
        });
        log
    }

    fn update(&self, change: impl FnOnce(&mut Written)) {
        let (written, changed) = &*self.0;
        change(&mut written.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    pub(crate) fn text(&self) -> String {
        let (written, _) = &*self.0;
        written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .text
            .clone()
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// The first line that fits, as soon as it is there; `None` if the program ends without it or is late.
    pub(crate) fn wait_for(&self, limit: Duration, fits: impl Fn(&str) -> bool) -> Option<String> {
        let line = |written: &Written| {
            let line = written.text.lines().find(|line| fits(line));
            line.map(str::to_owned)
        };
        let mut found = None;
        self.wait(limit, |written| {
            found = line(written);
            found.is_some() || written.ended
        });
        found
    }

    fn wait_for_end(&self, limit: Duration) -> bool {
        self.wait(limit, |written| written.ended)
    }

    fn wait(&self, limit: Duration, mut enough: impl FnMut(&Written) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let (written, changed) = &*self.0;
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        while !enough(&written) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (written, _) = changed
                .wait_timeout(written, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}
