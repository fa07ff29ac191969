//! What the cases share: a board, a server's directory, and the usual questions.

use std::{fs, net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use boot_host::{
    board::{Board, Link},
    image, parts,
    peers::Server,
    qemu::Machine,
};
use ed25519_dalek::SigningKey;
use tempfile::TempDir;

/// The private half of the key that the bootloader trusts.
const KEY: &[u8; 32] = include_bytes!("../../../../keys/try-out.key");

/// How long a line may take that follows from what went before, without waiting for anybody.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// How long a line may take that follows after time-outs.
pub(crate) const LATE: Duration = Duration::from_secs(60);

/// An image as large as any that a bootloader of this kind fetches.
pub(crate) const LARGE: usize = 4 << 20;
/// One that is fetched at once.
pub(crate) const SMALL: usize = 200_001;

/// What the cases run on.
pub(crate) struct Bench {
    pub(crate) board: Board,
    pub(crate) tftpd: PathBuf,
}

/// A directory with an image and a manifest.
pub(crate) struct Files {
    app: Vec<u8>,
    dir: TempDir,
}

impl Bench {
    /// An empty directory for a server.
    pub(crate) fn files(&self) -> Result<Files> {
        let app = image::flatten(&fs::read(&self.board.app)?)?;
        let dir = tempfile::tempdir()?;
        // A server may run as somebody else.
        let mut permissions = fs::metadata(dir.path())?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o777);
        fs::set_permissions(dir.path(), permissions)?;
        Ok(Files { app, dir })
    }

    /// Our server on these files.
    pub(crate) fn serve(&self, files: &Files) -> Result<Server> {
        self.serve_at(files, ([127, 0, 0, 1], 0).into())
    }

    /// The same at an address.
    pub(crate) fn serve_at(&self, files: &Files, address: SocketAddr) -> Result<Server> {
        Server::tftpd(Command::new(&self.tftpd), files.path(), address)
    }

    /// A machine that is told to fetch its manifest from this address.
    pub(crate) fn boot_from(&self, server: SocketAddr) -> Result<Machine> {
        let port = server.port();
        self.start(format!("bootfile=tftp://10.0.2.2:{port}/manifest"))
    }

    /// A machine on QEMU's user network with these options.
    pub(crate) fn start(&self, options: String) -> Result<Machine> {
        Machine::start(&self.board, &Link::User(options))
    }

    /// A machine that has fetched version 1 and runs it from slot A, and its server.
    pub(crate) fn with_version_1(&self) -> Result<(Machine, Server, Files)> {
        let files = self.files()?;
        files.seal(1, SMALL)?;
        let server = self.serve(&files)?;
        let machine = self.boot_from(server.address)?;
        runs(&machine, 1)?;
        Ok((machine, server, files))
    }

    /// RAM that the bootloader has used: its variables, and the deepest that its stack went.
    pub(crate) fn ram(&self, machine: &mut Machine) -> Result<String> {
        let variables = parts::variables(&fs::read(&self.board.bootloader)?)?;
        let stack = machine.stack_used()?;
        Ok(format!(
            "RAM: {} octets at most, {variables} of variables and {stack} of stack",
            variables + stack
        ))
    }
}

impl Files {
    pub(crate) fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// An application of `size` octets, and its manifest.
    pub(crate) fn seal(&self, version: u32, size: usize) -> Result<()> {
        self.seal_with(version, size, true, &SigningKey::from_bytes(KEY))
    }

    /// The same with a choice of key, and of an application that does not confirm that it works.
    pub(crate) fn seal_with(
        &self,
        version: u32,
        size: usize,
        confirms: bool,
        key: &SigningKey,
    ) -> Result<()> {
        let mut octets = self.app.clone();
        image::set_version(&mut octets, version, confirms)?;
        image::pad(&mut octets, size);
        let name = image_name(version);
        fs::write(self.path().join(&name), &octets)?;
        let manifest = image::manifest(&octets, &name, version, key);
        fs::write(self.path().join("manifest"), manifest)?;
        Ok(())
    }

    /// Changes the image of a version behind its manifest's back.
    pub(crate) fn spoil(&self, version: u32, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let path = self.path().join(image_name(version));
        let mut octets = fs::read(&path)?;
        change(&mut octets);
        fs::write(path, octets)?;
        Ok(())
    }
}

pub(crate) fn image_name(version: u32) -> String {
    format!("app-{version}.bin")
}

/// This version is started, says that it runs, and confirms itself.
pub(crate) fn runs(machine: &Machine, version: u32) -> Result<()> {
    let line = format!("version {version}");
    machine
        .boot
        .expect("starting slot", LATE)
        .and_then(|said| {
            anyhow::ensure!(said.ends_with(&line), "instead: {said}");
            Ok(())
        })?;
    machine
        .app
        .expect(&format!("application {line} runs"), SOON)?;
    machine
        .app
        .expect(&format!("application {line} confirmed"), SOON)?;
    Ok(())
}

/// The lines with the figures of a fetch.
pub(crate) fn figures(machine: &Machine) -> Result<String> {
    let time = machine.boot.expect("octets in", LATE)?;
    let link = machine.boot.expect("retransmissions", SOON)?;
    Ok(format!("{time}\n{link}"))
}

/// The figure before a word.
pub(crate) fn figure(line: &str, word: &str) -> Result<u64> {
    line.split_whitespace()
        .zip(line.split_whitespace().skip(1))
        .find(|(_, next)| *next == word)
        .and_then(|(figure, _)| figure.parse().ok())
        .with_context(|| format!("no figure before {word} in {line}"))
}
