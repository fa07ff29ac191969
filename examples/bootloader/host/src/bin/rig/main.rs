//! Tries the bootloader in QEMU: against three servers, over a lossy link, and in each way in which a boot
//! can go wrong. Prints what it measured.
//!
//! `rig --board mps2|virt --programs DIR [--small DIR] --tftpd PROGRAM [WORD ..]`: DIR has the programs of a
//! release build, `--small` those of a build with neither put nor recovery, for a table of sizes. A WORD limits
//! what is run to the cases whose name contains it. A case whose peer is not installed is skipped, unless `CI` or
//! `TFTP_REQUIRE_PEERS` is set.

mod bench;
mod dhcp;
mod failures;
mod recovery;
mod servers;

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bench::Bench;
use boot_host::{board::Board, parts, peers::Skipped};

/// What the protocol is to take in a program that only fetches: the best C implementation's figure.
const GET_GOAL: u64 = 2620;
/// What it takes now, and a little for another compiler: more is a step back.
const GET_LIMIT: u64 = 5200;

type Case = (&'static str, fn(&Bench) -> Result<String>);

const CASES: &[Case] = &[
    ("qemu's own server", servers::qemu),
    ("our tftpd", servers::ours),
    ("tftpd-hpa", servers::hpa),
    ("our tftpd, 5 % lost", servers::lossy),
    ("server that refuses options", servers::plain),
    (
        "server that refuses options for the image",
        servers::plain_image,
    ),
    ("the log is stored", servers::log_is_stored),
    ("dnsmasq, option 150 before 66 and siaddr", dhcp::option_150),
    ("dnsmasq, option 66 before siaddr", dhcp::option_66),
    ("dnsmasq, siaddr", dhcp::siaddr),
    ("no server: the slot that worked", failures::no_server),
    ("bad signature", failures::bad_signature),
    ("truncated image", failures::truncated),
    ("wrong image", failures::wrong_image),
    ("older version", failures::older),
    ("power loss while fetching", failures::power_loss),
    ("server dies while fetching", failures::server_dies),
    ("image that hangs", failures::hangs),
    ("recovery by tftp-hpa", recovery::hpa),
    ("recovery by atftp", recovery::atftp),
    ("recovery by curl", recovery::curl),
    ("recovery refuses a forged manifest", recovery::forged),
];

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rig: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<usize> {
    let mut args = env::args().skip(1);
    let (mut programs, mut small, mut tftpd, mut board) = (None, None, None, None);
    let mut words = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--board" => board = args.next(),
            "--programs" => programs = args.next(),
            "--small" => small = args.next(),
            "--tftpd" => tftpd = args.next(),
            _ => words.push(arg),
        }
    }
    let programs = PathBuf::from(programs.context("--programs DIR")?);
    let bench = Bench {
        board: match board.as_deref() {
            Some("mps2") => Board::mps2(&programs),
            Some("virt") => Board::virt(&programs),
            _ => bail!("--board mps2 or virt"),
        },
        tftpd: tftpd.context("--tftpd PROGRAM")?.into(),
    };

    let began = Instant::now();
    let mut count = Count::default();
    println!("{}", bench.board.name);
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    for (name, case) in CASES.iter().filter(|(name, _)| wanted(name)) {
        let began = Instant::now();
        let result = case(&bench);
        count.add(name, began.elapsed(), result);
    }
    if let Some(small) = small
        && wanted("sizes")
    {
        let (full, began) = (&bench.board.bootloader, Instant::now());
        let result = sizes(full, &Path::new(&small).join("bootloader"));
        count.add("sizes", began.elapsed(), result);
    }
    println!("{:.0} s", began.elapsed().as_secs_f32());
    println!(
        "{} passed, {} failed, {} skipped",
        count.passed, count.failed, count.skipped
    );
    Ok(count.failed)
}

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Count {
    fn add(&mut self, name: &str, took: Duration, result: Result<String>) {
        match result {
            Ok(said) => {
                self.passed += 1;
                println!("  ok      {name} ({:.1} s)", took.as_secs_f32());
                for line in said.lines() {
                    println!("            {line}");
                }
            }
            Err(error) if error.is::<Skipped>() && !needs_all() => {
                self.skipped += 1;
                println!("  skipped {name}: {error}");
            }
            Err(error) => {
                self.failed += 1;
                println!("  FAILED  {name}: {error:#}");
            }
        }
    }
}

/// Whether a peer that is not installed is a failure.
fn needs_all() -> bool {
    ["CI", "TFTP_REQUIRE_PEERS"]
        .into_iter()
        .filter_map(env::var_os)
        .any(|value| !value.is_empty() && value != "false")
}

/// What each part of both builds takes of the flash. The smaller one, with neither put nor recovery, is held to a
/// limit where its instructions are Thumb's.
fn sizes(full: &Path, small: &Path) -> Result<String> {
    let (full, elf) = (fs::read(full)?, fs::read(small)?);
    ensure!(!parts::has_heap(&full)?, "the bootloader has a heap");
    let sizes = parts::measure(&elf)?;
    let code = sizes.of("TFTP protocol");
    let mut said = format!(
        "octets of flash, the whole bootloader:\n{}\nwithout put and recovery:\n{sizes}\n\
         TFTP protocol, get alone: {code}",
        parts::measure(&full)?
    );
    if parts::is_thumb(&elf)? {
        write!(said, " (goal {GET_GOAL}, limit {GET_LIMIT})")?;
        ensure!(code <= GET_LIMIT, "the TFTP part has outgrown its limit");
    }
    let panics = parts::panics_in(&elf, &["/tftp-proto/", "/tftp-client/"])?;
    ensure!(panics.is_empty(), "code that panics: {}", panics.join(", "));
    write!(
        said,
        "\ncalls of code that panics in the TFTP parts: 0; no heap"
    )?;
    Ok(said)
}
