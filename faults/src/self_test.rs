//! Faults of which it is known what must become of them.

use core::error::Error;
use std::path::Path;

use crate::{
    read, root, show,
    trial::{Bench, Verdict},
};

/// Whether each fault of `self-test.toml` gets the verdict that its name begins with.
pub(crate) fn run(scratch: &Path) -> Result<bool, Box<dyn Error>> {
    let plan = read("faults/self-test.toml")?;
    let mut bench = Bench::new(&root(), scratch, plan.layers.iter().collect())?;
    let mut right = true;
    for fault in &plan.faults {
        let verdict = bench.try_fault(fault, false)?;
        show(&fault.name, &verdict);
        let expected = match &verdict {
            Verdict::Caught(_) => "caught",
            Verdict::Missed => "missed",
            Verdict::NotPlanted(_) => "not planted",
            Verdict::NotCompiled => "not compiled",
        };
        // What is not caught is what makes a run fail.
        right &= fault.name.starts_with(expected);
    }
    println!(
        "{}",
        if right {
            "every verdict is as it should be"
        } else {
            "WRONG: a verdict is not what the fault's name says"
        }
    );
    Ok(right && !plan.faults.is_empty())
}
