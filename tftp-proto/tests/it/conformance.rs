//! The table in `CONFORMANCE.md` against the tests that there are.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

const TABLE: &str = include_str!("../../CONFORMANCE.md");

/// Name of a row, and what it says in its last column.
fn rows() -> Vec<(&'static str, &'static str)> {
    let cells = |line: &'static str| {
        let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?, cells.next_back()?))
    };
    let numbered = |name: &str| {
        name.starts_with(['C', 'H', 'F']) && name.ends_with(|c: char| c.is_ascii_digit())
    };
    let lines = TABLE.lines().filter(|line| line.starts_with('|'));
    lines
        .filter_map(cells)
        .filter(|(name, _)| numbered(name))
        .collect()
}

/// What stands between backticks.
fn references(shown: &'static str) -> impl Iterator<Item = &'static str> {
    shown.split('`').skip(1).step_by(2)
}

/// The source that should have a test, and the test's name.
fn locate(reference: &str) -> Option<(String, &str)> {
    let (place, name) = reference.split_once("::")?;
    let file = if place.contains('/') {
        place.to_owned()
    } else {
        format!("tftp-proto/tests/it/{place}.rs")
    };
    Some((file, name))
}

/// The names of the functions in a file that are marked as tests.
fn tests(file: &str) -> io::Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = fs::read_to_string(root.join(file))?;
    let mut names = Vec::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ").or(line.strip_prefix("async fn ")) {
            if marked {
                names.extend(rest.split('(').next().map(str::to_owned));
            }
            marked = false;
        }
    }
    Ok(names)
}

#[test]
fn every_requirement_has_one_row() {
    let rows = rows();
    for (prefix, last) in [("C-", 90), ("H", 18), ("F", 40)] {
        for number in 1..=last {
            let name = format!("{prefix}{number}");
            let count = rows.iter().filter(|(row, _)| *row == name).count();
            assert_eq!(count, 1, "rows called {name}");
        }
    }
    assert_eq!(rows.len(), 90 + 18 + 40, "rows that are no requirement");
}

#[test]
fn every_row_has_a_test_or_a_reason() {
    for (name, shown) in rows() {
        let reason = shown
            .strip_prefix("None: ")
            .is_some_and(|reason| reason.len() > 20);
        assert!(
            reason != (references(shown).count() > 0),
            "{name} has to have one of both: {shown}"
        );
    }
}

#[test]
fn every_row_names_tests_that_exist() {
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    for (row, reference) in rows()
        .into_iter()
        .flat_map(|(row, shown)| references(shown).map(move |one| (row, one)))
    {
        let Some((file, name)) = locate(reference) else {
            missing.push(format!("{row}: {reference} is no test's name"));
            continue;
        };
        let there = known
            .entry(file)
            .or_insert_with_key(|file| tests(file).unwrap_or_default());
        if !there.iter().any(|test| test == name) {
            missing.push(format!("{row}: {reference}"));
        }
    }
    assert!(missing.is_empty(), "not found:\n{}", missing.join("\n"));
}

#[test]
fn every_numbered_test_here_is_in_its_row() {
    let rows = rows();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for test in tests(&format!("tftp-proto/tests/it/{module}.rs")).unwrap() {
            let numbers = test.split('_').map_while(|word| {
                let number: u8 = word
                    .get(1..)
                    .filter(|digits| digits.len() == 2)?
                    .parse()
                    .ok()?;
                match word.get(..1)? {
                    "c" => Some(format!("C-{number}")),
                    "h" => Some(format!("H{number}")),
                    "f" => Some(format!("F{number}")),
                    _ => None,
                }
            });
            for row in numbers {
                let (_, shown) = rows.iter().find(|(name, _)| *name == row).expect("a row");
                let reference = format!("{module}::{test}");
                assert!(
                    references(shown).any(|one| one == reference),
                    "{row} does not name {reference}"
                );
            }
        }
    }
}
