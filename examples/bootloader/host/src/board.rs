//! The boards that QEMU knows, and where the builds of their programs are.

use std::path::{Path, PathBuf};

/// How a bootloader prints.
#[derive(Clone, Copy, Debug)]
pub enum Log {
    /// Frames of defmt.
    Defmt,
    /// Text.
    Text,
}

/// A board, and the programs for it.
#[derive(Clone, Debug)]
pub struct Board {
    /// What to call it in the report.
    pub name: &'static str,
    /// QEMU's program.
    pub qemu: &'static str,
    /// Its arguments for this board.
    pub args: &'static [&'static str],
    /// The name of the Ethernet controller.
    nic: &'static str,
    /// How its bootloader prints.
    pub log: Log,
    /// The bootloader's ELF file.
    pub bootloader: PathBuf,
    /// The application's.
    pub app: PathBuf,
}

impl Board {
    /// Cortex-M3 with a LAN9118.
    #[must_use]
    pub fn mps2(programs: &Path) -> Self {
        Self {
            name: "mps2-an385",
            qemu: "qemu-system-arm",
            args: &["-M", "mps2-an385"],
            nic: "lan9118",
            log: Log::Defmt,
            bootloader: programs.join("bootloader"),
            app: programs.join("app"),
        }
    }

    pub(crate) fn network_args(&self, network: &str) -> [String; 2] {
        let nic = self.nic;
        ["-nic".to_owned(), format!("user,model={nic},{network}")]
    }
}
