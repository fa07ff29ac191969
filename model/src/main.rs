//! Checks every setup: `cargo run --release -p tftp-model`. Words given as arguments choose those whose name
//! has all of them; `--threads N` sets the number of threads, two unless given.

use core::num::NonZeroUsize;
use std::process::ExitCode;

use tftp_model::{check, exhaustive};

fn main() -> ExitCode {
    let mut words = Vec::new();
    let mut threads = NonZeroUsize::MIN.saturating_add(1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--threads" {
            words.push(argument);
        } else if let Some(number) = arguments.next().and_then(|number| number.parse().ok()) {
            threads = number;
        } else {
            eprintln!("--threads needs a number");
            return ExitCode::from(2);
        }
    }
    let chosen = exhaustive().into_iter().filter(|setup| {
        words
            .iter()
            .all(|word| setup.name().contains(word.as_str()))
    });
    let (mut setups, mut states, mut broken) = (0_usize, 0_usize, 0_usize);
    let start = std::time::Instant::now();
    for setup in chosen {
        let findings = check(setup, threads);
        println!("{findings}");
        setups = setups.saturating_add(1);
        states = states.saturating_add(findings.states);
        broken = broken.saturating_add(usize::from(findings.fault.is_some()));
    }
    let took = start.elapsed().as_secs();
    println!("{states:9} states in {setups} setups, {took} s");
    if setups == 0 {
        eprintln!("no setup has such a name");
        return ExitCode::from(2);
    }
    if broken > 0 {
        println!("in {broken} setups a property does not hold");
        return ExitCode::FAILURE;
    }
    println!("all properties hold");
    ExitCode::SUCCESS
}
