//! A large image from each server, and over a link that loses.

use std::fs;

use anyhow::{Result, ensure};
use boot_host::{peers::Server, plain::Plain, qemu::Machine, relay::Relay};

use crate::bench::{Bench, LARGE, SMALL, SOON, figure, figures, runs};

/// Version 1, an image of `size` octets, is fetched, verified, started, and says so.
fn fetch(bench: &Bench, mut machine: Machine, size: usize) -> Result<String> {
    machine.boot.expect(
        &format!("manifest: version 1, {size} octets, signature good"),
        SOON,
    )?;
    let figures = figures(&machine)?;
    ensure!(
        figures.starts_with(&format!("image: {size} octets in ")),
        "instead of {size} octets: {figures}"
    );
    machine
        .boot
        .expect("slot A: version 1 stored, digest good", SOON)?;
    runs(&machine, 1)?;
    let ram = bench.ram(&mut machine)?;
    Ok(format!("{figures}\n{ram}"))
}

/// The server of QEMU's user network: DHCP's `siaddr` and file name, port 69, lockstep.
pub(crate) fn qemu(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, LARGE)?;
    let root = files.path().display();
    let machine = bench.start(format!("tftp={root},bootfile=manifest"))?;
    fetch(bench, machine, LARGE)
}

pub(crate) fn ours(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, LARGE)?;
    let server = bench.serve(&files)?;
    let said = fetch(bench, bench.boot_from(server.address)?, LARGE)?;
    ensure!(said.contains("windowsize 6"), "no window: {said}");
    Ok(said)
}

pub(crate) fn hpa(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, LARGE)?;
    let server = Server::hpa(files.path())?;
    fetch(bench, bench.boot_from(server.address)?, LARGE)
}

pub(crate) fn lossy(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, LARGE)?;
    let server = bench.serve(&files)?;
    let relay = Relay::start(server.address, 5, 1)?;
    let link = ([127, 0, 0, 1], relay.port()).into();
    let said = fetch(bench, bench.boot_from(link)?, LARGE)?;
    ensure!(relay.lost() > 0, "nothing was lost");
    let repeated = figure(&said, "retransmissions,")?;
    ensure!(repeated > 0, "nothing was repeated: {said}");
    Ok(format!("{said}\ndatagrams lost: {}", relay.lost()))
}

pub(crate) fn plain(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, SMALL)?;
    let server = Plain::start(files.path().to_owned(), "")?;
    let said = fetch(bench, bench.boot_from(server.address()?)?, SMALL)?;
    ensure!(said.contains("blksize 512, windowsize 1"), "{said}");
    Ok(said)
}

pub(crate) fn plain_image(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, SMALL)?;
    let server = Plain::start(files.path().to_owned(), ".bin")?;
    let machine = bench.boot_from(server.address()?)?;
    machine.boot.expect("manifest: version 1", SOON)?;
    let refused = machine.boot.expect("the server answers ERROR 8", SOON)?;
    let figures = figures(&machine)?;
    ensure!(figures.contains("blksize 512, windowsize 1"), "{figures}");
    runs(&machine, 1)?;
    Ok(format!("{refused}\n{figures}"))
}

pub(crate) fn log_is_stored(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, SMALL)?;
    let server = bench.serve(&files)?;
    let machine = bench.boot_from(server.address)?;
    let stored = machine.boot.expect("boot log stored", SOON)?;
    let log = fs::read_to_string(files.path().join("boot.log"))?;
    ensure!(
        log.contains("ms starting slot A, version 1"),
        "the log has no end:\n{log}"
    );
    Ok(stored)
}
