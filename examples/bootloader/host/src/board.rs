//! The boards that QEMU knows, and where the builds of their programs are.

use std::path::{Path, PathBuf};

use crate::segment::{DEVICE, Segment};

/// How a bootloader prints.
#[derive(Clone, Copy, Debug)]
pub enum Log {
    /// Frames of defmt.
    Defmt,
    /// Text.
    Text,
}

/// What a board's Ethernet controller is connected to.
pub enum Link<'s> {
    /// QEMU's user network, with these options: DHCP, a TFTP server, and a way to the host's loopback.
    User(String),
    /// A segment with servers of its own.
    Segment(&'s Segment),
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
    /// Whether it has a watchdog, which resets it when an application hangs.
    pub watchdog: bool,
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
            watchdog: true,
            log: Log::Defmt,
            bootloader: programs.join("bootloader"),
            app: programs.join("app"),
        }
    }

    /// 32-bit RISC-V with a virtio network controller.
    #[must_use]
    pub fn virt(programs: &Path) -> Self {
        Self {
            name: "virt (riscv32)",
            qemu: "qemu-system-riscv32",
            args: &[
                "-M",
                "virt",
                "-bios",
                "none",
                "-m",
                "64",
                // The driver is for devices of virtio 1.0 and later.
                "-global",
                "virtio-mmio.force-legacy=false",
            ],
            nic: "virtio-net-device",
            watchdog: false,
            log: Log::Text,
            bootloader: programs.join("bootloader"),
            app: programs.join("app"),
        }
    }

    pub(crate) fn network_args(&self, link: &Link<'_>) -> Vec<String> {
        let nic = self.nic;
        let (kind, options) = match link {
            Link::User(options) => ("user", options.clone()),
            Link::Segment(_) => ("tap", format!("ifname={DEVICE},script=no,downscript=no")),
        };
        // A controller on the board is there whether or not it is asked for; one on a bus is added.
        if nic == "lan9118" {
            ["-nic".to_owned(), format!("{kind},model={nic},{options}")].into()
        } else {
            [
                "-netdev".to_owned(),
                format!("{kind},id=network,{options}"),
                "-device".to_owned(),
                format!("{nic},netdev=network"),
            ]
            .into()
        }
    }
}
