//! Writing a packet into the caller's buffer.

use core::array;

use crate::BufferTooSmall;

/// Appends octets while there is room and counts them all, so that one piece of code both
/// measures a packet and writes it.
pub(crate) struct Writer<'t> {
    buf: &'t mut [u8],
    len: usize,
}

impl<'t> Writer<'t> {
    pub(crate) const fn new(buf: &'t mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        // No packet is long enough to wrap this.
        let end = self.len.wrapping_add(octets.len());
        if let Some(room) = self.buf.get_mut(self.len..end) {
            room.copy_from_slice(octets);
        }
        self.len = end;
    }

    pub(crate) fn octet(&mut self, octet: u8) {
        self.octets(&[octet]);
    }

    pub(crate) fn u16(&mut self, number: u16) {
        self.octets(&number.to_be_bytes());
    }

    /// The header of DATA, ACK and ERROR: the opcode and a number.
    #[inline]
    pub(crate) fn head(&mut self, opcode: u16, number: u16) {
        let head = (u32::from(opcode) << 16).wrapping_add(number.into());
        self.octets(&head.to_be_bytes());
    }

    /// Octets and the zero that ends them.
    pub(crate) fn string(&mut self, octets: &[u8]) {
        self.octets(octets);
        self.octet(0);
    }

    /// A number in decimal, without leading zeros.
    #[inline(never)]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::arithmetic_side_effects,
        reason = "a rest of at most 9 before 16 bits fits 32 bits, its tenth 16 bits, and a digit an octet"
    )]
    pub(crate) fn decimal(&mut self, number: u64) {
        // Long division by 10, 16 bits at a time: a bare-metal image would otherwise link a 64-bit
        // division for this alone.
        let (high, low) = ((number >> 32) as u32, number as u32);
        let mut parts = [high >> 16, high & 0xffff, low >> 16, low & 0xffff];
        let digits: [u8; 20] = array::from_fn(|_| {
            let mut rest = 0;
            for part in &mut parts {
                rest = (rest << 16) | *part;
                *part = rest / 10;
                rest %= 10;
            }
            rest as u8
        });
        let mut leading = true;
        for (place, digit) in digits.iter().enumerate().rev() {
            leading &= *digit == 0 && place > 0;
            if !leading {
                self.octet(b'0' + digit);
            }
        }
    }

    /// The number of octets written, all of which fitted.
    pub(crate) const fn finish(self) -> Result<usize, BufferTooSmall> {
        if self.len <= self.buf.len() {
            Ok(self.len)
        } else {
            Err(BufferTooSmall { needed: self.len })
        }
    }

    /// The number of octets that `write` appends.
    pub(crate) fn measure(write: impl FnOnce(&mut Writer<'_>)) -> usize {
        let mut writer = Writer::new(&mut []);
        write(&mut writer);
        writer.len
    }
}

#[cfg(test)]
mod tests {
    use super::Writer;

    #[test]
    fn decimal_has_no_leading_zero_and_all_digits() {
        for (number, text) in [
            (0, "0"),
            (7, "7"),
            (10, "10"),
            (65_464, "65464"),
            (u64::MAX, "18446744073709551615"),
        ] {
            let mut buf = [0; 20];
            let mut writer = Writer::new(&mut buf);
            writer.decimal(number);
            let len = writer.finish().unwrap();
            assert_eq!(&buf[..len], text.as_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut buf = [0; 3];
        let mut writer = Writer::new(&mut buf);
        writer.string(b"abc");
        assert_eq!(writer.finish().unwrap_err().needed, 4);
    }
}
