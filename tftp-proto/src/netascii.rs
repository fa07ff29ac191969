//! Text as it travels in netascii mode (RFC 1350 section 1, the NVT line rules of RFC 854).
//!
//! On the wire a line ends with CR LF, and a carriage return that is only itself is CR NUL. Here a
//! line ends with LF. Both coders take input and output in pieces of any size, because a block may
//! end between the two octets of a pair. Both are plain `Copy` values of one octet or less:
//! whoever must repeat a block keeps a copy of the [`Encoder`] as it was before that block, along
//! with the offset in the source, and encodes it again to the same octets.
//!
//! ```
//! use tftp_proto::netascii::{Decoder, Encoder};
//!
//! let (mut wire, mut encoder) = ([0; 8], Encoder::new());
//! let done = encoder.encode(b"a\nb", &mut wire);
//! assert_eq!((done.consumed, &wire[..done.written]), (3, &b"a\r\nb"[..]));
//!
//! let (mut text, mut decoder) = ([0; 8], Decoder::new());
//! let done = decoder.decode(&wire[..done.written], &mut text);
//! assert_eq!(&text[..done.written], b"a\nb");
//! assert_eq!(decoder.finish(&mut text[done.written..]), 0);
//! ```

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const NUL: u8 = 0;

/// How far a coder came: until the input was used up or the output was full.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
#[expect(
    clippy::exhaustive_structs,
    reason = "input and output are all there is"
)]
pub struct Progress {
    /// Octets of the input that need not be offered again.
    pub consumed: usize,
    /// Octets at the front of the output that are new.
    pub written: usize,
}

/// Output that counts what was put into it.
struct Sink<'o> {
    free: core::slice::IterMut<'o, u8>,
    size: usize,
}

impl<'o> Sink<'o> {
    fn new(out: &'o mut [u8]) -> Self {
        Self {
            size: out.len(),
            free: out.iter_mut(),
        }
    }

    /// Whether there was room.
    fn put(&mut self, octet: u8) -> bool {
        self.free.next().map(|slot| *slot = octet).is_some()
    }

    fn written(&self) -> usize {
        self.size.saturating_sub(self.free.len())
    }
}

/// Local text to netascii: LF becomes CR LF, CR becomes CR NUL, the rest stays.
///
/// Its one piece of state is the second octet of a pair whose first one filled the output.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Encoder {
    owed: Option<u8>,
}

impl Encoder {
    /// An encoder at the start of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self { owed: None }
    }

    /// Encodes as much of `input` as `out` holds.
    ///
    /// If neither is empty, something is consumed or written. Output that is full while the input
    /// is used up may leave one octet owed, which the next call writes first: a file has ended
    /// only when [`finish`](Self::finish) has nothing left to write.
    pub fn encode(&mut self, input: &[u8], out: &mut [u8]) -> Progress {
        let mut sink = Sink::new(out);
        let mut rest = input.iter();
        self.settle(&mut sink);
        while self.owed.is_none() {
            let mut ahead = rest.clone();
            let Some(&octet) = ahead.next() else { break };
            let (first, second) = match octet {
                LF => (CR, Some(LF)),
                CR => (CR, Some(NUL)),
                other => (other, None),
            };
            if !sink.put(first) {
                break;
            }
            rest = ahead;
            self.owed = second;
            self.settle(&mut sink);
        }
        Progress {
            consumed: input.len().saturating_sub(rest.len()),
            written: sink.written(),
        }
    }

    /// After the last of the input: writes the octet that is still owed and returns how many
    /// octets that were, 0 or 1. It stays owed if `out` is empty; see
    /// [`is_finished`](Self::is_finished).
    pub fn finish(&mut self, out: &mut [u8]) -> usize {
        let mut sink = Sink::new(out);
        self.settle(&mut sink);
        sink.written()
    }

    /// Whether no octet is owed, so that all that was consumed has been written.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.owed.is_none()
    }

    fn settle(&mut self, sink: &mut Sink<'_>) {
        if let Some(octet) = self.owed
            && sink.put(octet)
        {
            self.owed = None;
        }
    }
}

/// Netascii to local text: CR LF becomes LF, CR NUL becomes CR, the rest stays.
///
/// A CR before anything else is undefined in RFC 854; both octets are kept. Its one bit of state
/// says that the last octet was a CR whose partner has not come yet.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decoder {
    after_cr: bool,
}

impl Decoder {
    /// A decoder at the start of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self { after_cr: false }
    }

    /// Decodes as much of `input` as `out` holds.
    ///
    /// If neither is empty, something is consumed or written. The text is at most one octet longer
    /// than what was decoded in this call, since a CR may be held from the call before.
    pub fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Progress {
        let mut sink = Sink::new(out);
        let mut rest = input.iter();
        loop {
            let mut ahead = rest.clone();
            let Some(&octet) = ahead.next() else { break };
            let (text, takes_octet) = match (self.after_cr, octet) {
                (true, LF) => (Some(LF), true),
                (true, NUL) => (Some(CR), true),
                // The CR stood alone; the octet is looked at afresh.
                (true, _) => (Some(CR), false),
                (false, CR) => (None, true),
                (false, other) => (Some(other), true),
            };
            if let Some(text) = text
                && !sink.put(text)
            {
                break;
            }
            self.after_cr = text.is_none();
            if takes_octet {
                rest = ahead;
            }
        }
        Progress {
            consumed: input.len().saturating_sub(rest.len()),
            written: sink.written(),
        }
    }

    /// After the last of the input: a CR that ends the file is a CR. Writes it and returns how many
    /// octets that were, 0 or 1. It stays owed if `out` is empty; see
    /// [`is_finished`](Self::is_finished).
    pub fn finish(&mut self, out: &mut [u8]) -> usize {
        let mut sink = Sink::new(out);
        if self.after_cr && sink.put(CR) {
            self.after_cr = false;
        }
        sink.written()
    }

    /// Whether no CR is held back, so that all that was consumed has been written.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        !self.after_cr
    }
}

/// Octets of netascii that are passed over at once.
const PASSED: usize = 128;

/// A point in a text, in both of its forms.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Place {
    /// Octets of netascii before it.
    coded: u64,
    /// Octets of local text that the encoder has consumed.
    local: u64,
    encoder: Encoder,
}

impl Place {
    const START: Self = Self {
        coded: 0,
        local: 0,
        encoder: Encoder::new(),
    };

    /// Fills `out` with what follows, unless the text ends before.
    fn fill<E>(
        &mut self,
        out: &mut [u8],
        scratch: &mut [u8],
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let mut filled = 0_usize;
        while let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) {
            let wanted = room.len().min(scratch.len());
            let input = scratch.get_mut(..wanted).unwrap_or_default();
            let count = read(self.local, input)?;
            let done = if count == 0 {
                Progress {
                    consumed: 0,
                    written: self.encoder.finish(room),
                }
            } else {
                self.encoder
                    .encode(input.get(..count).unwrap_or_default(), room)
            };
            self.local = self.local.saturating_add(done.consumed as u64);
            self.coded = self.coded.saturating_add(done.written as u64);
            filled = filled.saturating_add(done.written);
            if count == 0 {
                break;
            }
        }
        Ok(filled)
    }

    /// Goes on to the octet `coded` of the netascii, or to its end.
    fn pass<E>(
        &mut self,
        coded: u64,
        scratch: &mut [u8],
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let mut passed = [0; PASSED];
        while self.coded < coded {
            let rest = usize::try_from(coded.saturating_sub(self.coded)).unwrap_or(PASSED);
            let room = passed.get_mut(..rest.min(PASSED)).unwrap_or_default();
            if self.fill(room, scratch, read)? == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// The netascii of a text that can be read at any offset, to be read at offsets of its own: for a sender that must
/// be able to repeat what the peer has not acknowledged. It holds no octet of the text, but encodes again from the
/// last place that was released.
///
/// The text is read through a function that is given an offset and room for at least one octet, and tells how
/// many octets it has put there: 0 only where the text ends. `scratch` is room for a piece of the text while it is
/// encoded, at least one octet; what the function reads at once is no more than that.
///
/// ```
/// use tftp_proto::netascii::Cursor;
///
/// let text = b"a\nb";
/// let mut read = |offset: u64, buf: &mut [u8]| {
///     let rest = text.get(offset as usize..).unwrap_or_default();
///     let len = rest.len().min(buf.len());
///     buf[..len].copy_from_slice(&rest[..len]);
///     Ok::<_, ()>(len)
/// };
/// let (mut cursor, mut out, mut scratch) = (Cursor::new(), [0; 2], [0; 16]);
/// assert_eq!(cursor.read_at(2, &mut out, &mut scratch, &mut read), Ok(2));
/// assert_eq!(&out, b"\nb");
/// assert_eq!(cursor.read_at(1, &mut out, &mut scratch, &mut read), Ok(2));
/// assert_eq!(&out, b"\r\n");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cursor {
    /// Nothing before it is asked for any more.
    base: Place,
    /// Where the last reading ended.
    here: Place,
}

impl Cursor {
    /// A cursor at the start of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            base: Place::START,
            here: Place::START,
        }
    }

    /// Fills `out` with the netascii from `offset` on, and tells how many octets that are: fewer than there is
    /// room for only where the text ends. From before what was released nothing can be read: what is given is
    /// then the octets after it.
    ///
    /// # Errors
    /// Those of `read`. The same octets can then be asked for again.
    pub fn read_at<E>(
        &mut self,
        offset: u64,
        out: &mut [u8],
        scratch: &mut [u8],
        mut read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        if self.here.coded > offset {
            self.here = self.base;
        }
        self.here.pass(offset, scratch, &mut read)?;
        self.here.fill(out, scratch, &mut read)
    }

    /// Forgets how to encode what is before `up_to`, which the peer has acknowledged. Gives the octet of the
    /// text before which none is needed any more.
    ///
    /// # Errors
    /// Those of `read`. Nothing is forgotten then that is needed.
    pub fn release<E>(
        &mut self,
        up_to: u64,
        scratch: &mut [u8],
        mut read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<u64, E> {
        if self.here.coded == up_to {
            self.base = self.here;
        } else {
            self.base.pass(up_to, scratch, &mut read)?;
        }
        Ok(self.base.local)
    }
}
