//! What a machine prints, line by line, kept until it is asked for.

use std::{
    io::Read,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use defmt_decoder::{DecodeError, Table};

/// All that a machine has printed, for the report of a failure.
#[derive(Clone)]
pub struct Transcript {
    began: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            lines: Arc::default(),
        }
    }
}

impl Transcript {
    /// Adds a line that came from `name`.
    pub fn add(&self, name: &str, line: &str) {
        let seconds = self.began.elapsed().as_secs_f32();
        if let Ok(mut lines) = self.lines.lock() {
            lines.push(format!("    {seconds:7.3} {name:4} {line}"));
        }
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> String {
        self.lines
            .lock()
            .map_or_else(|_| String::new(), |lines| lines.join("\n"))
    }
}

/// One of a machine's outputs.
pub struct Console {
    lines: Receiver<String>,
    transcript: Transcript,
}

impl Console {
    /// Lines of text, read in a thread of their own until the output ends.
    pub fn text(
        mut from: impl Read + Send + 'static,
        name: &'static str,
        transcript: &Transcript,
    ) -> Self {
        let (console, printer) = Self::new(name, transcript);
        thread::spawn(move || {
            let mut pending = Vec::new();
            let mut buf = [0; 4096];
            while let Ok(len @ 1..) = from.read(&mut buf) {
                for octet in buf.iter().take(len) {
                    match octet {
                        b'\n' => {
                            printer.print(&String::from_utf8_lossy(&std::mem::take(&mut pending)))
                        }
                        b'\r' => {}
                        other => pending.push(*other),
                    }
                }
            }
        });
        console
    }

    /// Frames of defmt, whose words are in the ELF file.
    ///
    /// # Errors
    /// If the ELF file has no words for defmt.
    pub fn defmt(
        mut from: impl Read + Send + 'static,
        elf: &[u8],
        name: &'static str,
        transcript: &Transcript,
    ) -> Result<Self> {
        let Some(table) = Table::parse(elf)? else {
            bail!("the program has nothing for defmt");
        };
        let (console, printer) = Self::new(name, transcript);
        thread::spawn(move || {
            let mut decoder = table.new_stream_decoder();
            let mut buf = [0; 4096];
            while let Ok(len @ 1..) = from.read(&mut buf) {
                decoder.received(buf.get(..len).unwrap_or_default());
                loop {
                    match decoder.decode() {
                        Ok(frame) => printer.print(&frame.display_message().to_string()),
                        Err(DecodeError::UnexpectedEof) => break,
                        // A reset cuts a frame off; the next one is found again.
                        Err(DecodeError::Malformed) if table.encoding().can_recover() => {}
                        Err(DecodeError::Malformed) => return,
                    }
                }
            }
        });
        Ok(console)
    }

    fn new(name: &'static str, transcript: &Transcript) -> (Self, Printer) {
        let (sender, lines) = channel();
        let printer = Printer {
            name,
            sender,
            transcript: transcript.clone(),
        };
        let transcript = transcript.clone();
        (Self { lines, transcript }, printer)
    }

    /// The next line that contains `words`. Lines before it are passed over.
    ///
    /// # Errors
    /// If none comes within `patience`; the error shows what was printed instead.
    pub fn expect(&self, words: &str, patience: Duration) -> Result<String> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(words) => return Ok(line),
                Ok(_) => {}
                Err(error) => {
                    let why = match error {
                        RecvTimeoutError::Timeout => "no line",
                        RecvTimeoutError::Disconnected => "the machine ended without a line",
                    };
                    let printed = self.transcript.lines();
                    bail!("{why} with \"{words}\"; all lines:\n{printed}");
                }
            }
        }
    }
}

struct Printer {
    name: &'static str,
    sender: Sender<String>,
    transcript: Transcript,
}

impl Printer {
    fn print(&self, line: &str) {
        self.transcript.add(self.name, line);
        // Nobody may be interested any more.
        let _ = self.sender.send(line.to_owned());
    }
}
