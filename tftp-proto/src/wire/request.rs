//! RRQ and WRQ: a file name checked once, a mode, options.

use core::fmt;

use nom::{
    IResult, Parser as _,
    combinator::{map_opt, verify},
};

use super::{Options, Writer};
use crate::{DecodeError, Mode, RequestError, Text};

/// The longest request that may be sent (RFC 2347).
pub const MAX_REQUEST_LEN: usize = 512;

/// The body of a read or write request (RFC 1350 section 5).
///
/// A value of this type has a file name of at least one octet and without a zero octet.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Request<'b> {
    filename: &'b [u8],
    mode: Mode,
    options: Options<'b>,
}

/// A request less its options: what a machine remembers of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Title<'r> {
    filename: &'r [u8],
    mode: Mode,
}

impl Title<'_> {
    /// Octets of opcode, name and mode.
    pub(crate) const fn request_len(&self) -> usize {
        // No slice is long enough to wrap this.
        self.filename
            .len()
            .wrapping_add(self.mode.as_str().len())
            .wrapping_add(4)
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self.filename);
        writer.string(self.mode.as_str().as_bytes());
    }
}

/// Octets up to a zero, which is taken too: the leaf of the grammar. nom's own `take_till` splits
/// its input by a slice that may panic as far as a compiler can see.
pub(super) fn string(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    let end = input.iter().position(|octet| *octet == 0);
    let parts = end.and_then(|end| Some((input.get(end.wrapping_add(1)..)?, input.get(..end)?)));
    parts.ok_or(nom::Err::Error(()))
}

impl<'b> Request<'b> {
    /// A request for `name` as it is, octet for octet. The options are the machine's to add.
    ///
    /// # Errors
    /// If the name is empty, has a zero octet, or is too long for a request of 512 octets.
    pub const fn octet(name: &'b str) -> Result<Self, RequestError> {
        Self::new(name.as_bytes(), Mode::Octet)
    }

    /// A request for `name` as text in the netascii form.
    ///
    /// # Errors
    /// As [`Self::octet`].
    pub const fn netascii(name: &'b str) -> Result<Self, RequestError> {
        Self::new(name.as_bytes(), Mode::Netascii)
    }

    /// A request for a file whose name need not be text.
    ///
    /// # Errors
    /// As [`Self::octet`].
    pub const fn new(filename: &'b [u8], mode: Mode) -> Result<Self, RequestError> {
        if filename.is_empty() {
            return Err(RequestError::Empty);
        }
        let mut rest = filename;
        while let [first, tail @ ..] = rest {
            if *first == 0 {
                return Err(RequestError::ZeroOctet);
            }
            rest = tail;
        }
        let request = Self {
            filename,
            mode,
            options: Options::NONE,
        };
        if request.title().request_len() > MAX_REQUEST_LEN {
            return Err(RequestError::TooLong);
        }
        Ok(request)
    }

    /// The name as it came or will go: opaque octets (RFC 1350 section 5).
    #[must_use]
    pub const fn filename(&self) -> &'b [u8] {
        self.filename
    }

    /// How line ends travel.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The options of a request that was decoded; none on one that was made here.
    #[must_use]
    pub const fn options(&self) -> Options<'b> {
        self.options
    }

    pub(crate) const fn title(&self) -> Title<'b> {
        Title {
            filename: self.filename,
            mode: self.mode,
        }
    }

    pub(crate) fn decode(body: &'b [u8], lenient: bool) -> Result<Self, DecodeError> {
        if !lenient && body.last() != Some(&0) {
            return Err(DecodeError::Unterminated);
        }
        // Lenient: the datagram's end stands in for the last zero.
        let string = |input: &'b [u8]| match string(input) {
            Err(_) if lenient && !input.is_empty() => Ok((&[][..], input)),
            parts => parts,
        };
        let filename = verify(string, |name: &[u8]| !name.is_empty()).parse(body);
        let (rest, filename) = filename.map_err(|_| DecodeError::EmptyFilename)?;
        let mode = map_opt(string, Mode::from_bytes).parse(rest);
        let (rest, mode) = mode.map_err(|_| DecodeError::UnknownMode)?;
        Ok(Self {
            filename,
            mode,
            options: Options::decode(rest, lenient),
        })
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("filename", &Text(self.filename))
            .field("mode", &self.mode)
            .field("options", &self.options)
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Request<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Request {{ {}, {}, {} }}",
            Text(self.filename),
            self.mode,
            self.options
        );
    }
}
