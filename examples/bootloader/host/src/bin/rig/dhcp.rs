//! What a real DHCP server says about where to boot from: RFC 5859's order, on a segment with three servers.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use boot_host::{
    board::Link,
    peers::{Server, installed},
    qemu::Machine,
    segment::Segment,
};

use crate::bench::{Bench, Files, LATE, SMALL, SOON, runs};

const NETWORK: [u8; 3] = [10, 69, 0];
/// One that has no file, and one that has the manifest; the third there is not.
const EMPTY: Ipv4Addr = Ipv4Addr::new(10, 69, 0, 2);
const RIGHT: Ipv4Addr = Ipv4Addr::new(10, 69, 0, 3);

/// A segment with the two servers, both at port 69 as no option can name another.
struct Site {
    segment: Segment,
    /// Kept as long as they are to serve.
    _servers: [Server; 2],
    _files: [Files; 2],
}

fn site(bench: &Bench) -> Result<Site> {
    installed("dnsmasq")?;
    let segment = Segment::new(&[EMPTY, RIGHT])?;
    let (nothing, files) = (bench.files()?, bench.files()?);
    files.seal(1, SMALL)?;
    let serve = |files: &Files, address: Ipv4Addr| {
        let command = segment.command(&bench.tftpd);
        Server::tftpd(command, files.path(), (address, 69).into())
    };
    let servers = [serve(&nothing, EMPTY)?, serve(&files, RIGHT)?];
    Ok(Site {
        segment,
        _servers: servers,
        _files: [nothing, files],
    })
}

/// Boots with these options of dnsmasq's, and sees the servers asked in this order before version 1 runs.
fn boots(bench: &Bench, options: &[&str], asked: &[Ipv4Addr]) -> Result<String> {
    let site = site(bench)?;
    let _dhcp = Server::dnsmasq(&site.segment, NETWORK, options)?;
    let machine = Machine::start(&bench.board, &Link::Segment(&site.segment))?;
    machine.boot.expect("address 10.69.0.1", SOON)?;
    let mut order = Vec::new();
    for server in asked {
        let said = machine.boot.expect("asking ", LATE)?;
        ensure!(
            said == format!("asking {server} port 69"),
            "instead of {server}: {said}"
        );
        order.push(said);
    }
    machine.boot.expect("manifest: version 1", SOON)?;
    runs(&machine, 1)?;
    Ok(order.join("\n"))
}

pub(crate) fn option_150(bench: &Bench) -> Result<String> {
    boots(
        bench,
        &[
            &format!("--dhcp-option=150,{EMPTY},{RIGHT}"),
            "--dhcp-option=66,10.69.0.9",
            "--dhcp-option=67,manifest",
            "--dhcp-boot=,,10.69.0.9",
        ],
        &[EMPTY, RIGHT],
    )
}

pub(crate) fn option_66(bench: &Bench) -> Result<String> {
    boots(
        bench,
        &[
            &format!("--dhcp-option=66,{RIGHT}"),
            "--dhcp-option=67,manifest",
            "--dhcp-boot=,,10.69.0.9",
        ],
        &[RIGHT],
    )
}

pub(crate) fn siaddr(bench: &Bench) -> Result<String> {
    boots(
        bench,
        &[&format!("--dhcp-boot=manifest,,{RIGHT}")],
        &[RIGHT],
    )
}
