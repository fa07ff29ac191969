//! What is shown while a transfer runs, and after it.

use core::{cell::Cell, time::Duration};
use std::{
    io::{self, Write as _},
    time::Instant,
};

use indicatif::{BinaryBytes, ProgressBar, ProgressFinish, ProgressStyle};
use tftp_client::{Progress, Summary};

const WITH_SIZE: &str =
    "{wide_msg} {bar:24} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
const WITHOUT_SIZE: &str = "{wide_msg} {spinner} {binary_bytes} {binary_bytes_per_sec}";

/// A progress bar on the standard error, if that is a terminal; then a line about the transfer.
pub(crate) struct Bar {
    bar: ProgressBar,
    quiet: bool,
    start: Instant,
    /// When the file was complete, which is before its last ACK need not be repeated any more.
    complete: Cell<Option<Duration>>,
    bytes: Cell<u64>,
}

impl Bar {
    pub(crate) fn new(name: &str, quiet: bool) -> Self {
        let bar = if quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::no_length().with_finish(ProgressFinish::AndClear)
        };
        bar.set_message(name.to_owned());
        bar.set_style(style(WITHOUT_SIZE));
        Self {
            bar,
            quiet,
            start: Instant::now(),
            complete: Cell::new(None),
            bytes: Cell::new(0),
        }
    }

    pub(crate) fn update(&self, progress: &Progress) {
        if let Some(size) = progress.size
            && self.bar.length() != Some(size)
        {
            self.bar.set_length(size);
            self.bar.set_style(style(WITH_SIZE));
        }
        self.bytes.set(progress.bytes);
        self.bar.set_position(progress.bytes);
        if progress.complete && self.complete.get().is_none() {
            self.complete.set(Some(self.start.elapsed()));
            self.bar.finish_and_clear();
        }
    }

    /// Octets that the last attempt has transferred.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Removes the bar and says how it went.
    pub(crate) fn conclude(&self, name: &str, summary: Option<&Summary>) {
        self.bar.finish_and_clear();
        let Some(summary) = summary.filter(|_| !self.quiet) else {
            return;
        };
        let span = self.complete.get().unwrap_or_else(|| self.start.elapsed());
        let rate = summary.bytes as f64 / span.as_secs_f64().max(1e-6);
        // A transfer that is done is not undone by a terminal that is gone.
        let _ = writeln!(
            io::stderr(),
            "{name}: {bytes} octets in {span:.2} s, {rate}/s, blksize {blksize}, windowsize {windowsize}, \
             {again} retransmissions",
            bytes = summary.bytes,
            span = span.as_secs_f64(),
            rate = BinaryBytes(rate as u64),
            blksize = summary.negotiated.blksize,
            windowsize = summary.negotiated.windowsize,
            again = summary.retransmissions,
        );
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
