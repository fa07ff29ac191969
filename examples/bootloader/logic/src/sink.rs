//! Where an image goes while it arrives: into the flash, and through the digest.

use core::fmt;

use embedded_storage::nor_flash::{NorFlash, NorFlashErrorKind};
use sha2::{Digest as _, Sha256};
use tftp_client::Sink;
use tftp_proto::ErrorCode;

use crate::{Record, SlotId, Slots};

/// Octets that are gathered before they are written: at least the flash's word.
const UNIT: usize = 32;

/// Why an image was not stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// It has not as many octets as its manifest says.
    Size,
    /// Its digest is not the one that its manifest says.
    Digest,
    /// The flash failed.
    Flash(NorFlashErrorKind),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "not of the size that the manifest says",
            Self::Digest => "not the image that the manifest describes",
            Self::Flash(_) => "the flash failed",
        })
    }
}

impl core::error::Error for StoreError {}

/// Writes an image into a slot as it arrives. The last step, which the peer waits for, is to compare the
/// digest and mark the slot: a peer that is told "complete" can rely on the image being good.
#[derive(Clone, Debug)]
pub struct ImageWriter {
    slot: SlotId,
    expected: Record,
    digest: Sha256,
    written: u32,
    pending: heapless::Vec<u8, UNIT>,
}

impl ImageWriter {
    /// Begins to write the image that `expected` describes.
    ///
    /// # Errors
    /// If the image has no room in a slot, or the flash fails.
    pub fn begin<F: NorFlash>(
        slots: &mut Slots<F>,
        slot: SlotId,
        expected: Record,
    ) -> Result<Self, StoreError> {
        if expected.size > slots.image_capacity() {
            return Err(StoreError::Size);
        }
        slots.begin(slot).map_err(StoreError::Flash)?;
        Ok(Self {
            slot,
            expected,
            digest: Sha256::new(),
            written: 0,
            pending: heapless::Vec::new(),
        })
    }

    /// The slot that is written, and what it will hold.
    #[must_use]
    pub const fn target(&self) -> (SlotId, Record) {
        (self.slot, self.expected)
    }

    /// Writes the next octets.
    ///
    /// # Errors
    /// If they are more than the image has, or the flash fails.
    pub fn write<F: NorFlash>(
        &mut self,
        slots: &mut Slots<F>,
        octets: &[u8],
    ) -> Result<(), StoreError> {
        if self.received().saturating_add(octets.len()) > self.expected.size as usize {
            return Err(StoreError::Size);
        }
        self.digest.update(octets);
        let mut rest = octets;
        if !self.pending.is_empty() {
            let room = UNIT.saturating_sub(self.pending.len());
            let (first, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            // There is room for exactly these.
            let _ = self.pending.extend_from_slice(first);
            rest = later;
            if self.pending.is_full() {
                self.flush_pending(slots)?;
            }
        }
        let (units, tail) = rest.as_chunks::<UNIT>();
        self.flush(slots, units.as_flattened())?;
        let _ = self.pending.extend_from_slice(tail);
        Ok(())
    }

    /// Checks the image and marks the slot.
    ///
    /// # Errors
    /// If the image is not the one that was expected, or the flash fails.
    pub fn finish<F: NorFlash>(&mut self, slots: &mut Slots<F>) -> Result<(), StoreError> {
        if self.received() != self.expected.size as usize {
            return Err(StoreError::Size);
        }
        if self.digest.finalize_reset().as_slice() != self.expected.sha256 {
            return Err(StoreError::Digest);
        }
        if !self.pending.is_empty() {
            // An erased word reads as ones: what follows the image is as if it had not been written.
            while self.pending.push(0xff).is_ok() {}
            self.flush_pending(slots)?;
        }
        slots
            .finish(self.slot, &self.expected)
            .map_err(StoreError::Flash)
    }

    fn flush<F: NorFlash>(&mut self, slots: &mut Slots<F>, units: &[u8]) -> Result<(), StoreError> {
        slots
            .write(self.slot, self.written, units)
            .map_err(StoreError::Flash)?;
        let len = u32::try_from(units.len()).unwrap_or(u32::MAX);
        self.written = self.written.saturating_add(len);
        Ok(())
    }

    fn flush_pending<F: NorFlash>(&mut self, slots: &mut Slots<F>) -> Result<(), StoreError> {
        let unit = core::mem::take(&mut self.pending);
        self.flush(slots, &unit)
    }

    fn received(&self) -> usize {
        (self.written as usize).saturating_add(self.pending.len())
    }
}

/// What a peer is told of an image that is not stored.
pub(crate) const fn code(error: StoreError) -> ErrorCode {
    match error {
        StoreError::Size => ErrorCode::DISK_FULL,
        StoreError::Digest | StoreError::Flash(_) => ErrorCode::NOT_DEFINED,
    }
}

/// A writer with its slots: where a download goes.
#[derive(Debug)]
pub(crate) struct ImageSink<'s, F> {
    pub(crate) slots: &'s mut Slots<F>,
    pub(crate) writer: ImageWriter,
}

impl<F: NorFlash> Sink for ImageSink<'_, F> {
    type Error = StoreError;

    fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        self.writer.write(self.slots, octets)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.writer.finish(self.slots)
    }

    fn code(error: &StoreError) -> ErrorCode {
        code(*error)
    }
}
