//! What is known of each transfer besides the protocol's state.

use ::smoltcp::socket::udp::UdpMetadata;
use tftp_proto::{SessionId, Span};

/// A transfer's file and the way to its client.
#[derive(Debug)]
pub(super) struct Open<F> {
    id: SessionId,
    /// Whom to send to, and from which of our addresses.
    pub(super) peer: UdpMetadata,
    /// `None` if it was refused.
    pub(super) file: Option<F>,
    /// What the machine will want sent next but has been sent already, in another's place: a part of the
    /// file, or an ERROR.
    pub(super) said: Option<Option<Span>>,
}

impl<F> Open<F> {
    pub(super) const fn new(id: SessionId, peer: UdpMetadata, file: Option<F>) -> Self {
        Self {
            id,
            peer,
            file,
            said: None,
        }
    }
}

/// As many places as there are transfers, and one for a transfer that had to make room and whose end is
/// not told yet.
#[derive(Debug)]
pub(super) struct Table<F, const N: usize> {
    places: [Option<Open<F>>; N],
    spare: Option<Open<F>>,
}

impl<F, const N: usize> Table<F, N> {
    pub(super) const fn new() -> Self {
        Self {
            places: [const { None }; N],
            spare: None,
        }
    }

    fn places(&mut self) -> impl Iterator<Item = &mut Option<Open<F>>> {
        self.places.iter_mut().chain([&mut self.spare])
    }

    pub(super) fn insert(&mut self, open: Open<F>) {
        if let Some(place) = self.places().find(|place| place.is_none()) {
            *place = Some(open);
        }
    }

    pub(super) fn find(&mut self, id: SessionId) -> Option<&mut Open<F>> {
        self.places().flatten().find(|open| open.id == id)
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Open<F>> {
        self.places()
            .find(|place| place.as_ref().is_some_and(|open| open.id == id))?
            .take()
    }
}
