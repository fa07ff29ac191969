//! What must never be.

/// A property that does not hold, named by what went wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A machine broke one of its promises: it waits until now or sends without end, its result changes, it
    /// acknowledges what does not exist, it sends to somebody else, it reports success without the file.
    Broken,
    /// An octet arrived twice, not in order, or altered.
    Bytes,
    /// A sender reports success, and the receiver has not every octet.
    SenderSuccess,
    /// A receiver reports success and has not every octet.
    ReceiverSuccess,
    /// In lockstep a block was sent again although no timer had fired.
    Repeat,
    /// A stranger's datagram changed something, or a second one was answered.
    Stranger,
    /// An end gave up, and the faults do not account for it.
    GaveUp,
    /// More DATA was sent again than the faults account for.
    Storm,
    /// From here on nothing goes wrong any more, and still the ends do not come to an end.
    Unfinished,
    /// The faults that the budget has are never spent: the setup checks less than it says.
    Idle,
    /// The checker stopped before it had seen every state.
    Partial,
}

impl Fault {
    /// What holds if there is no such fault.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Broken => "every promise of the machines is kept",
            Self::Bytes => "bytes arrive once, in order, unaltered",
            Self::SenderSuccess => "the sender's success implies every byte at the receiver",
            Self::ReceiverSuccess => "the receiver's success implies every byte",
            Self::Repeat => "in lockstep only a time-out repeats a block",
            Self::Stranger => "a stranger changes nothing",
            Self::GaveUp => "nobody gives up without cause",
            Self::Storm => "repeated DATA is bounded by the faults",
            Self::Unfinished => "when the faults stop, both ends come to an end",
            Self::Idle => "some run spends the whole budget of faults",
            Self::Partial => "the exploration is exhaustive",
        }
    }
}
