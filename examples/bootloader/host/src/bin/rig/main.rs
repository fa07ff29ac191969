//! Tries the bootloader in QEMU: against three servers, over a lossy link, and in each way in which a boot
//! can go wrong. Prints what it measured.
//!
//! `rig --board mps2|virt --programs DIR [--small DIR] --tftpd PROGRAM [WORD ..]`: DIR has the programs of a
//! release build, `--small` those of a build for mps2 with neither put nor recovery, for a table of sizes. A
//! WORD limits what is run to the cases whose name contains it.

mod bench;
mod failures;
mod recovery;
mod servers;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use bench::Bench;
use boot_host::{board::Board, parts};

/// What the protocol is to take in a program that only fetches: the best C implementation's figure.
const GET_GOAL: u64 = 2620;
/// What it takes now, and a little for another compiler: more is a step back.
const GET_LIMIT: u64 = 7000;

type Case = (&'static str, fn(&Bench) -> Result<String>);

const CASES: &[Case] = &[
    ("qemu's own server", servers::qemu),
    ("our tftpd", servers::ours),
    ("tftpd-hpa", servers::hpa),
    ("our tftpd, 5 % lost", servers::lossy),
    ("server that refuses options", servers::plain),
    ("the log is stored", servers::log_is_stored),
    ("no server: the slot that worked", failures::no_server),
    ("bad signature", failures::bad_signature),
    ("truncated image", failures::truncated),
    ("wrong image", failures::wrong_image),
    ("older version", failures::older),
    ("power loss while fetching", failures::power_loss),
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
    let (mut passed, mut failed) = (0, 0);
    println!("{}", bench.board.name);
    for (name, case) in CASES {
        if !words.is_empty() && !words.iter().any(|word| name.contains(word)) {
            continue;
        }
        let began = Instant::now();
        match case(&bench) {
            Ok(said) => {
                passed += 1;
                println!("  ok      {name} ({:.1} s)", began.elapsed().as_secs_f32());
                for line in said.lines() {
                    println!("            {line}");
                }
            }
            Err(error) => {
                failed += 1;
                println!("  FAILED  {name}: {error:#}");
            }
        }
    }
    if let Some(small) = small
        && (words.is_empty() || words.iter().any(|word| word == "sizes"))
    {
        match sizes(
            &bench.board.bootloader,
            &Path::new(&small).join("bootloader"),
        ) {
            Ok(()) => passed += 1,
            Err(error) => {
                failed += 1;
                println!("  FAILED  sizes: {error:#}");
            }
        }
    }
    println!("{:.0} s", began.elapsed().as_secs_f32());
    println!("{passed} passed, {failed} failed");
    Ok(failed)
}

fn sizes(full: &Path, small: &Path) -> Result<()> {
    println!("  octets of flash, the whole bootloader:");
    println!("{}", parts::measure(&fs::read(full)?)?);
    println!("  without put and recovery:");
    let elf = fs::read(small)?;
    let sizes = parts::measure(&elf)?;
    println!("{sizes}");
    let code = sizes.of("TFTP protocol");
    println!("  TFTP protocol, get alone: {code} (goal {GET_GOAL}, limit {GET_LIMIT})");
    ensure!(code <= GET_LIMIT, "the TFTP part has outgrown its limit");
    let panics = parts::panics_in(&elf, &["/tftp-proto/", "/tftp-client/"])?;
    // Of the URI parser these are checks of the language's that the compiler does not see through.
    let (parser, transfer): (Vec<_>, Vec<_>) = panics
        .into_iter()
        .partition(|place| place.contains("/tftp-proto/src/uri.rs"));
    ensure!(
        transfer.is_empty(),
        "code that panics: {}",
        transfer.join(", ")
    );
    println!(
        "  calls of code that panics: 0 in the transfer, {} in the URI parser",
        parser.len()
    );
    Ok(())
}
