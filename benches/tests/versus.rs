//! The program `versus` as a whole, without other servers.

use std::{fs, process::Command};

#[test]
fn a_quick_run_moves_every_octet_unharmed_and_fails_nowhere() {
    let out = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_versus"))
        .args(["--quick", "--peers", "none", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}");
    let json = fs::read_to_string(out.path().join("versus.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let outcomes = report["outcomes"].as_array().unwrap();
    for case in ["get 1468 lockstep", "put 1468 window 16", "clients 50"] {
        let named = |outcome: &&serde_json::Value| outcome["case"].as_str().unwrap().contains(case);
        let outcome = outcomes.iter().find(named).unwrap();
        for cell in outcome["cells"].as_array().unwrap() {
            assert!(
                cell["measurements"][0]["bytes"].as_u64().unwrap() > 0,
                "{cell}"
            );
        }
    }
}

#[test]
fn an_unknown_peer_is_an_error() {
    let run = Command::new(env!("CARGO_BIN_EXE_versus"))
        .args(["--peers", "nobody", "--list"])
        .output()
        .unwrap();
    assert!(!run.status.success());
}
