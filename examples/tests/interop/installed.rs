//! Which peers this machine has.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Where the program is, in `PATH` or below `TFTP_PEERS`.
pub(crate) fn find(program: &str) -> Result<PathBuf, Skipped> {
    let path = env::var_os("PATH").unwrap_or_default();
    let peers = env::var_os("TFTP_PEERS").map(PathBuf::from);
    let unpacked = peers
        .iter()
        .flat_map(|peers| [peers.join("usr/sbin"), peers.join("usr/bin")]);
    // Root's daemons are not in everybody's path.
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(unpacked)
        .chain(system)
        .map(|directory| directory.join(program))
        .find(|file| is_program(file))
        .ok_or_else(|| Skipped(format!("{program} is not installed")))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A test cannot run here, and why.
#[derive(Clone, Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl Skipped {
    /// Says so, unless the machine is one that must have everything.
    pub(crate) fn report(&self) {
        let set =
            |name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false");
        assert!(
            !set("CI") && !set("TFTP_REQUIRE_PEERS"),
            "{} (CI or TFTP_REQUIRE_PEERS is set)",
            self.0
        );
        println!("skipped: {}", self.0);
    }
}

/// The value, or the end of the test because a peer is missing.
macro_rules! or_skip {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(skipped) => {
                skipped.report();
                return;
            }
        }
    };
}
pub(crate) use or_skip;
