//! Commands that may never end.

use core::time::Duration;
use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Instant,
};

const POLL: Duration = Duration::from_millis(20);

/// How a command ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// `None`: it did not, and was killed.
    pub(crate) success: Option<bool>,
    /// Both streams.
    pub(crate) output: String,
}

/// Runs `command`, whose output goes to the file `log`, for `limit` at the longest.
pub(crate) fn run(command: &mut Command, log: &Path, limit: Duration) -> io::Result<Ended> {
    let file = File::create(log)?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file);
    // In a group of its own, so that what it starts can be ended too.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn()?;
    let began = Instant::now();
    let success = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status.success());
        }
        if began.elapsed() >= limit {
            kill(&mut child)?;
            child.wait()?;
            break None;
        }
        thread::sleep(POLL);
    };
    Ok(Ended {
        success,
        output: String::from_utf8_lossy(&fs::read(log)?).into_owned(),
    })
}

#[cfg(unix)]
fn kill(child: &mut Child) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process_group};
    Ok(kill_process_group(Pid::from_child(child), Signal::KILL)?)
}

#[cfg(not(unix))]
fn kill(child: &mut Child) -> io::Result<()> {
    child.kill()
}
