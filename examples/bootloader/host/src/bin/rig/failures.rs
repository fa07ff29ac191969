//! What can go wrong with an update: the slot that worked is started, and a line says why.

use anyhow::Result;
use boot_host::relay::Relay;
use ed25519_dalek::SigningKey;

use crate::bench::{Bench, LARGE, LATE, SMALL, SOON, runs};

/// After version 1 runs: `change` what the server has, start anew, and see `line` and version 1.
fn refused(
    bench: &Bench,
    change: impl FnOnce(&crate::bench::Files) -> Result<()>,
    line: &str,
) -> Result<String> {
    let (mut machine, _server, files) = bench.with_version_1()?;
    change(&files)?;
    machine.power_cycle()?;
    machine.boot.expect("slot A: version 1, confirmed", SOON)?;
    let said = machine.boot.expect(line, LATE)?;
    runs(&machine, 1)?;
    Ok(said)
}

pub(crate) fn no_server(bench: &Bench) -> Result<String> {
    let (mut machine, server, _files) = bench.with_version_1()?;
    drop(server);
    machine.power_cycle()?;
    let said = machine.boot.expect("no manifest: no answer", LATE)?;
    runs(&machine, 1)?;
    Ok(said)
}

pub(crate) fn bad_signature(bench: &Bench) -> Result<String> {
    let forger = SigningKey::from_bytes(&[7; 32]);
    refused(
        bench,
        |files| files.seal_with(2, SMALL, true, &forger),
        "no manifest: bad signature",
    )
}

pub(crate) fn truncated(bench: &Bench) -> Result<String> {
    refused(
        bench,
        |files| {
            files.seal(2, SMALL)?;
            files.spoil(2, |octets| octets.truncate(SMALL / 2))
        },
        "no image: not of the size that the manifest says",
    )
}

pub(crate) fn wrong_image(bench: &Bench) -> Result<String> {
    refused(
        bench,
        |files| {
            files.seal(2, SMALL)?;
            files.spoil(2, |octets| {
                if let Some(octet) = octets.get_mut(SMALL / 2) {
                    *octet ^= 1;
                }
            })
        },
        "no image: not the image that the manifest describes",
    )
}

pub(crate) fn older(bench: &Bench) -> Result<String> {
    refused(
        bench,
        |files| files.seal(0, SMALL),
        "version 0 is older than 1: refused",
    )
}

pub(crate) fn power_loss(bench: &Bench) -> Result<String> {
    let (mut machine, server, files) = bench.with_version_1()?;
    files.seal(2, LARGE)?;
    machine.power_cycle()?;
    machine.boot.expect("image: 25 %", SOON)?;
    machine.power_cycle()?;
    let address = server.address;
    drop(server);
    let said = machine.boot.expect("slot B: incomplete", SOON)?;
    machine.boot.expect("no manifest: no answer", LATE)?;
    runs(&machine, 1)?;
    // With the server back, the update is made good.
    let _server = bench.serve_at(&files, address)?;
    machine.power_cycle()?;
    runs(&machine, 2)?;
    Ok(said)
}

pub(crate) fn server_dies(bench: &Bench) -> Result<String> {
    let files = bench.files()?;
    files.seal(1, SMALL)?;
    let server = bench.serve(&files)?;
    let relay = Relay::start(server.address, 0, 1)?;
    let mut machine = bench.boot_from(([127, 0, 0, 1], relay.port()).into())?;
    runs(&machine, 1)?;
    files.seal(2, LARGE)?;
    // Less than half of the image: the rest is what the server does not live to send.
    relay.cut_after(1000);
    machine.power_cycle()?;
    machine.boot.expect("image: 25 %", SOON)?;
    drop(server);
    let said = machine.boot.expect("no image: no answer", LATE)?;
    runs(&machine, 1)?;
    machine.power_cycle()?;
    machine.boot.expect("slot A: version 1, confirmed", SOON)?;
    machine
        .boot
        .expect("slot B: incomplete, its transfer was cut off", SOON)?;
    Ok(said)
}

/// Without a watchdog a hang lasts until somebody cuts the power.
pub(crate) fn hangs(bench: &Bench) -> Result<String> {
    let (mut machine, _server, files) = bench.with_version_1()?;
    let key = SigningKey::from_bytes(include_bytes!("../../../../keys/try-out.key"));
    files.seal_with(2, SMALL, false, &key)?;
    machine.power_cycle()?;
    // The watchdog ends each try.
    for _ in 0..3 {
        machine.boot.expect("starting slot B, version 2", LATE)?;
        machine.app.expect("application version 2 hangs", SOON)?;
        if !bench.board.watchdog {
            machine.power_cycle()?;
        }
    }
    let said = machine.boot.expect("given up", LATE)?;
    machine
        .boot
        .expect("version 2 was given up before: refused", LATE)?;
    runs(&machine, 1)?;
    Ok(said)
}
