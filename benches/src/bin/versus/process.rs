//! Servers as child processes, none of which outlives this one.

use core::time::Duration;
use std::{
    io::{self, BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{self, Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::Failed;

/// The groups that are alive.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A program that leads a process group of its own.
pub(crate) struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
    _input: Option<ChildStdin>,
}

impl Process {
    /// Starts it. Its input is open as long as this value is there, unless the command has another one.
    pub(crate) fn start(mut command: Command) -> Result<Self, Failed> {
        let (reader, writer) = io::pipe()?;
        command
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0);
        let mut child = command.spawn().map_err(|error| {
            Failed::new(format!("{}: {error}", command.get_program().display()))
        })?;
        // With it go our ends of the pipe, so that the output ends with the program.
        drop(command);
        groups(|groups| groups.push(Pid::from_child(&child)));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                // Nobody may listen any more; the output is read all the same.
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Ok(Self {
            _input: child.stdin.take(),
            child,
            lines,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line of its output for which `fits` gives something.
    pub(crate) fn wait_for<T>(
        &self,
        limit: Duration,
        fits: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Failed> {
        let mut seen = String::new();
        loop {
            match self.lines.recv_timeout(limit) {
                Ok(line) => match fits(&line) {
                    Some(found) => return Ok(found),
                    None => seen.push_str(&line),
                },
                Err(_) => return Err(Failed::new(format!("does not start: {seen}"))),
            }
        }
    }

    /// What it has said last, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        let said: Vec<_> = self.lines.try_iter().collect();
        Some(format!(
            "{status} {}",
            said.last().map_or("", String::as_str)
        ))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        groups(|groups| groups.retain(|other| *other != group));
        // A group that has ended is as good as killed.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

fn groups(change: impl FnOnce(&mut Vec<Pid>)) {
    change(&mut GROUPS.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Kills the servers and calls `clean` when this process is told to end.
pub(crate) fn end_on_signals(clean: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            groups(|groups| {
                for group in groups.drain(..) {
                    let _ = kill_process_group(group, Signal::KILL);
                }
            });
            clean();
            process::exit(128 + signal);
        }
    });
    Ok(())
}

/// A command whose input is a pipe from this process.
pub(crate) fn with_input(mut command: Command) -> Command {
    command.stdin(Stdio::piped());
    command
}
