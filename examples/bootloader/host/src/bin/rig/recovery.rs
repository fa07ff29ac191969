//! With nothing to start and no server, the device is a server itself.

use anyhow::{Result, ensure};
use boot_host::{
    peers::{Client, free_port},
    qemu::Machine,
};
use ed25519_dalek::SigningKey;

use crate::bench::{Bench, LATE, SMALL, SOON, image_name, runs};

/// A machine in recovery, and the port of the host that leads to its port 69.
fn waiting(bench: &Bench) -> Result<(Machine, u16)> {
    let port = free_port()?;
    let machine = bench.start(format!("hostfwd=udp:127.0.0.1:{port}-:69"))?;
    machine.boot.expect("no slot can be started", SOON)?;
    machine
        .boot
        .expect("recovery: put manifest and image to", SOON)?;
    Ok((machine, port))
}

fn recover(bench: &Bench, client: Client) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, SMALL)?;
    let (machine, port) = waiting(bench)?;
    client.put(&files.path().join("manifest"), "manifest", port)?;
    machine.boot.expect("recovery: manifest arrived", SOON)?;
    let name = image_name(1);
    client.put(&files.path().join(&name), &name, port)?;
    machine.boot.expect("recovery: image arrived", LATE)?;
    let said = machine.boot.expect("blksize", LATE)?;
    runs(&machine, 1)?;
    Ok(said)
}

pub(crate) fn hpa(bench: &Bench) -> Result<String> {
    recover(bench, Client::Hpa)
}

pub(crate) fn atftp(bench: &Bench) -> Result<String> {
    recover(bench, Client::Atftp)
}

pub(crate) fn curl(bench: &Bench) -> Result<String> {
    recover(bench, Client::Curl)
}

pub(crate) fn forged(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal_with(1, SMALL, true, &SigningKey::from_bytes(&[7; 32]))?;
    let (machine, port) = waiting(bench)?;
    let put = Client::Curl.put(&files.path().join("manifest"), "manifest", port);
    ensure!(put.is_err(), "the client was told that it is stored");
    machine
        .boot
        .expect("recovery: manifest failed: bad signature", SOON)
}
