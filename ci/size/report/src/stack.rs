//! The deepest stack that an image can need: the longest way through its calls.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::image::Image;

/// The deepest stack below a function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// Octets, its own frame included.
    Bytes(u64),
    /// A function that the compiler gave no figure for is on the way.
    AtLeast(u64),
    /// A function can come to call itself.
    Recursive,
}

impl Depth {
    fn plus(self, frame: Option<u64>) -> Self {
        match (self, frame) {
            (Self::Recursive, _) => Self::Recursive,
            (Self::Bytes(below), Some(frame)) => Self::Bytes(below + frame),
            (Self::AtLeast(below), frame) => Self::AtLeast(below + frame.unwrap_or(0)),
            (Self::Bytes(below), None) => Self::AtLeast(below),
        }
    }

    const fn rank(self) -> (u8, u64) {
        match self {
            Self::Bytes(bytes) | Self::AtLeast(bytes) => (0, bytes),
            Self::Recursive => (1, 0),
        }
    }

    fn max(self, other: Self) -> Self {
        match self.rank().cmp(&other.rank()) {
            Ordering::Less => other,
            Ordering::Equal | Ordering::Greater => self,
        }
    }
}

impl core::fmt::Display for Depth {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::AtLeast(bytes) => write!(f, ">={bytes}"),
            Self::Recursive => f.write_str("unbounded"),
        }
    }
}

/// The deepest stack from `main` on.
///
/// A function whose address is taken counts as called there. The images have no other indirect calls:
/// those go through tables of constants, which only trait objects make.
pub fn deepest(image: &Image) -> Option<Depth> {
    let (&main, _) = image.functions.iter().find(|(_, f)| f.name == "main")?;
    Some(below(image, main, &mut BTreeMap::new()))
}

/// `None` in `known` stands for a function that is on the way from `main` to here.
fn below(image: &Image, at: u64, known: &mut BTreeMap<u64, Option<Depth>>) -> Depth {
    match known.get(&at) {
        Some(Some(depth)) => return *depth,
        Some(None) => return Depth::Recursive,
        None => {}
    }
    let Some(function) = image.functions.get(&at) else {
        return Depth::AtLeast(0);
    };
    known.insert(at, None);
    let callees = function
        .calls
        .iter()
        .map(|&callee| below(image, callee, known));
    let depth = callees
        .fold(Depth::Bytes(0), Depth::max)
        .plus(function.frame);
    known.insert(at, Some(depth));
    depth
}
