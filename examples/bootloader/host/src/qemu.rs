//! A machine in QEMU: its consoles, and the control socket.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    ops::Range,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::{
    board::{Board, Link, Log},
    console::{Console, Transcript},
    image, parts,
};

/// How long QEMU may take to connect to its sockets.
const START: Duration = Duration::from_secs(20);

/// What a stack is filled with before the machine starts.
const PAINT: u8 = 0xcc;

/// A running machine. It ends with this value.
pub struct Machine {
    child: Child,
    control: BufReader<UnixStream>,
    /// What the bootloader prints.
    pub boot: Console,
    /// What the application prints.
    pub app: Console,
    /// All that was printed.
    pub transcript: Transcript,
    /// Where the stack is.
    stack: Range<u64>,
    dir: TempDir,
}

impl Machine {
    /// Starts a board with the bootloader in its flash and its stack painted.
    ///
    /// # Errors
    /// If QEMU does not start.
    pub fn start(board: &Board, link: &Link<'_>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let elf = fs::read(&board.bootloader)?;
        // As a file of octets, like a real flash's: QEMU would clear all that an ELF file only reserves, and so
        // what stands for the flash, at each reset.
        let flash = dir.path().join("flash");
        fs::write(&flash, image::flatten(&elf)?)?;
        let stack = parts::stack(&elf)?;
        let paint = dir.path().join("paint");
        fs::write(
            &paint,
            vec![PAINT; usize::try_from(stack.end - stack.start)?],
        )?;
        let (control_at, serial_at) = (dir.path().join("control"), dir.path().join("serial"));
        let control = UnixListener::bind(&control_at)?;
        let serial = UnixListener::bind(&serial_at)?;
        let mut command = match link {
            Link::User(_) => Command::new(board.qemu),
            Link::Segment(segment) => segment.command(board.qemu),
        };
        let mut child = command
            .args(board.args)
            .args(["-display", "none", "-monitor", "none"])
            .arg("-serial")
            .arg(format!("unix:{}", serial_at.display()))
            .arg("-qmp")
            .arg(format!("unix:{}", control_at.display()))
            .args(["-semihosting-config", "enable=on,target=native"])
            .arg("-kernel")
            .arg(&flash)
            .arg("-device")
            .arg(format!(
                "loader,file={},addr={},force-raw=on",
                paint.display(),
                stack.start
            ))
            .args(board.network_args(link))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| board.qemu.to_owned())?;
        let serial = accept(&serial, &mut child)?;
        let control = accept(&control, &mut child)?;
        let stdout = child.stdout.take().context("QEMU's output is piped")?;
        let stderr = child.stderr.take().context("QEMU's errors are piped")?;
        let transcript = Transcript::default();
        // It complains of each frame that the controller has no room for: that is for the report of a failure.
        drop(Console::text(stderr, "qemu", &transcript));
        let (boot, app) = match board.log {
            Log::Defmt => (
                Console::defmt(stdout, &elf, "boot", &transcript)?,
                Console::text(serial, "app", &transcript),
            ),
            Log::Text => (
                Console::text(stdout, "boot", &transcript),
                Console::text(serial, "app", &transcript),
            ),
        };
        let mut machine = Self {
            child,
            control: BufReader::new(control),
            boot,
            app,
            transcript,
            stack,
            dir,
        };
        machine.control.get_ref().set_read_timeout(Some(START))?;
        machine.control.read_line(&mut String::new())?;
        machine.execute("qmp_capabilities", "{}")?;
        Ok(machine)
    }

    /// Cuts the power for a moment: everything starts anew, but the memory that stands for the flash
    /// keeps what it had at that instant.
    ///
    /// # Errors
    /// If QEMU does not answer.
    pub fn power_cycle(&mut self) -> Result<()> {
        self.note("power fails");
        self.execute("system_reset", "{}")
    }

    /// Octets of the stack that were written since the power came.
    ///
    /// # Errors
    /// If QEMU does not answer.
    pub fn stack_used(&mut self) -> Result<u64> {
        let Range { start, end } = self.stack.clone();
        let stack = self.memory(start, end - start)?;
        let untouched = stack.iter().take_while(|octet| **octet == PAINT).count();
        Ok((stack.len() - untouched) as u64)
    }

    /// The contents of memory.
    ///
    /// # Errors
    /// If QEMU does not answer.
    fn memory(&mut self, address: u64, len: u64) -> Result<Vec<u8>> {
        let path = self.dir.path().join("memory");
        let file = path.to_str().context("the path is text")?.to_owned();
        self.execute(
            "pmemsave",
            &format!("{{\"val\":{address},\"size\":{len},\"filename\":\"{file}\"}}"),
        )?;
        let memory = read_and_remove(&path)?;
        ensure!(memory.len() as u64 == len, "memory was cut off");
        Ok(memory)
    }

    /// Adds a line of the rig's own to the transcript.
    pub fn note(&self, line: &str) {
        self.transcript.add("--", line);
    }

    fn execute(&mut self, command: &str, arguments: &str) -> Result<()> {
        let line = format!("{{\"execute\":\"{command}\",\"arguments\":{arguments}}}\n");
        self.control.get_mut().write_all(line.as_bytes())?;
        loop {
            let mut answer = String::new();
            ensure!(self.control.read_line(&mut answer)? > 0, "QEMU is gone");
            // Events come in between.
            if answer.contains("\"return\"") {
                return Ok(());
            }
            if answer.contains("\"error\"") {
                bail!("{command}: {answer}");
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn accept(listener: &UnixListener, child: &mut Child) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let until = Instant::now() + START;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(_) if child.try_wait()?.is_some() => bail!("QEMU ended at once"),
            Err(_) if Instant::now() > until => bail!("QEMU does not connect"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn read_and_remove(path: &Path) -> Result<Vec<u8>> {
    let octets = fs::read(path)?;
    fs::remove_file(path)?;
    Ok(octets)
}
