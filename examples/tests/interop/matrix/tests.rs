//! A test a column, and the table.

use std::thread;

use super::{
    case::Case,
    column::{Cell, Column},
};
use crate::{
    clients::{Client, Direction},
    installed::or_skip,
    servers::Daemon,
};

fn check(column: Column) {
    let cells = or_skip!(column.cells());
    let faults: Vec<_> = cells
        .iter()
        .filter_map(|(case, cell)| match cell {
            Cell::Fails(fault) => Some(format!("{}: {fault}", case.title)),
            Cell::Works(_) | Cell::NotApplicable(_) => None,
        })
        .collect();
    assert!(
        faults.is_empty(),
        "{}\n{}",
        column.title(),
        faults.join("\n")
    );
}

macro_rules! columns {
    ($($name:ident: $column:expr,)*) => {
        $(#[test] fn $name() { check($column); })*

        /// All columns have a test.
        const TESTED: [Column; Column::ALL.len()] = [$($column),*];
    };
}

columns! {
    our_client_gets_from_in_tftpd: Column::ours(Direction::Get, Daemon::InTftpd),
    our_client_puts_to_in_tftpd: Column::ours(Direction::Put, Daemon::InTftpd),
    our_client_gets_from_atftpd: Column::ours(Direction::Get, Daemon::Atftpd),
    our_client_puts_to_atftpd: Column::ours(Direction::Put, Daemon::Atftpd),
    our_client_gets_from_dnsmasq: Column::ours(Direction::Get, Daemon::Dnsmasq),
    tftp_hpa_gets_from_our_server: Column::theirs(Client::TftpHpa, Direction::Get),
    tftp_hpa_puts_to_our_server: Column::theirs(Client::TftpHpa, Direction::Put),
    atftp_gets_from_our_server: Column::theirs(Client::Atftp, Direction::Get),
    atftp_puts_to_our_server: Column::theirs(Client::Atftp, Direction::Put),
    curl_gets_from_our_server: Column::theirs(Client::Curl, Direction::Get),
    curl_puts_to_our_server: Column::theirs(Client::Curl, Direction::Put),
    busybox_gets_from_our_server: Column::theirs(Client::Busybox, Direction::Get),
    busybox_puts_to_our_server: Column::theirs(Client::Busybox, Direction::Put),
}

/// Its name sorts behind the others', so that it finds their results when all tests run.
#[test]
fn the_table_has_a_verdict_for_each_case_and_peer() {
    assert_eq!(TESTED, Column::ALL);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || {
                for column in Column::ALL.iter().skip(worker).step_by(workers) {
                    let _ = column.cells();
                }
            });
        }
    });
    let (ours, theirs) = Column::ALL.split_at(5);
    for (what, columns) in [("Our `tftp` with", ours), ("Our `tftpd` with", theirs)] {
        let table = table(what, columns);
        println!("\n{table}");
        assert_eq!(
            table.lines().filter(|line| line.starts_with("| ")).count(),
            Case::ALL.len() + 1
        );
    }
}

/// Markdown: a row a case, a column a peer and direction, and below it the notes that the cells refer to.
fn table(what: &str, columns: &[Column]) -> String {
    let titles: Vec<_> = columns.iter().map(|column| column.title()).collect();
    let mut table = format!("| {what} | {} |\n", titles.join(" | "));
    table.push_str(&format!("|---|{}\n", "---|".repeat(columns.len())));
    let mut notes: Vec<&str> = Vec::new();
    let mut note = |mark: &str, text: &'static str| {
        if text.is_empty() {
            return mark.to_owned();
        }
        let number = notes.iter().position(|known| *known == text);
        let number = number.unwrap_or_else(|| {
            notes.push(text);
            notes.len() - 1
        });
        format!("{mark} ({})", number + 1)
    };
    for (row, case) in Case::ALL.iter().enumerate() {
        let cells: Vec<_> = columns
            .iter()
            .map(|column| match column.cells() {
                Ok(cells) => match &cells[row].1 {
                    Cell::Works(text) => note("ok", text),
                    Cell::NotApplicable(text) => note("n/a", text),
                    Cell::Fails(_) => "**fails**".to_owned(),
                },
                Err(_) => "not installed".to_owned(),
            })
            .collect();
        table.push_str(&format!("| {} | {} |\n", case.title, cells.join(" | ")));
    }
    for (number, text) in notes.iter().enumerate() {
        table.push_str(&format!("\n({}) {text}", number + 1));
    }
    table
}
