//! The account of what one machine has done, held against what it promises.

use tftp_proto::{Event, Ignored, Span, Summary, TransferError};

use crate::{
    Fault, Sabotage, Setup,
    wire::{Wire, octet},
};

/// What one machine has done.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Ledger {
    /// Octets that arrived.
    pub(crate) received: u64,
    /// The last block has arrived.
    pub(crate) whole: bool,
    /// Octets that the peer has acknowledged.
    up_to: u64,
    /// One more than the offset of the last block that was ever sent.
    reached: u64,
    /// Blocks that were sent again.
    pub(crate) extra: u16,
    pub(crate) result: Option<Result<(), TransferError>>,
    /// The result that has to come.
    announced: Option<TransferError>,
}

/// Why a machine was woken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    Datagram,
    TimeOut,
}

impl Ledger {
    pub(crate) fn event(&mut self, event: Event<'_>, setup: &Setup) -> Result<(), Fault> {
        if self.result.is_some() && !matches!(event, Event::Ignored(_) | Event::Stray(_)) {
            return Err(Fault::Broken);
        }
        match event {
            Event::Block(block) => {
                let end = self.received + block.payload.len() as u64;
                let intact = (self.received..)
                    .map(octet)
                    .zip(block.payload)
                    .all(|(a, b)| a == *b);
                if self.whole || block.offset != self.received || !intact || end > setup.len {
                    return Err(Fault::Bytes);
                }
                self.received = end;
                self.whole = block.last;
                if setup.sabotage == Some(Sabotage::HastyReceiver) {
                    self.result = Some(Ok(()));
                }
            }
            Event::Acknowledged { up_to } if up_to < self.up_to || up_to > setup.len => {
                return Err(Fault::Broken);
            }
            Event::Acknowledged { up_to } => self.up_to = up_to,
            Event::Failed(error) => self.announced = Some(error),
            // There is nobody here but the peer.
            Event::Stray(_) => return Err(Fault::Broken),
            Event::Error { .. } | Event::Negotiated(_) | Event::Ignored(_) => {}
        }
        Ok(())
    }

    /// A datagram leaves that carries `span` of the file.
    pub(crate) fn transmit(
        &mut self,
        span: Option<Span>,
        setup: &Setup,
        cause: Cause,
    ) -> Result<(), Fault> {
        let Some(Span { offset, len }) = span else {
            return Ok(());
        };
        let end = offset + len as u64;
        if end > setup.len {
            return Err(Fault::Broken);
        }
        if offset >= self.reached {
            self.reached = offset + 1;
        } else {
            self.extra += 1;
            if setup.is_lockstep() && cause == Cause::Datagram {
                return Err(Fault::Repeat);
            }
        }
        if setup.sabotage == Some(Sabotage::HastySender) && end == setup.len {
            self.result = Some(Ok(()));
        }
        Ok(())
    }

    pub(crate) fn end(
        &mut self,
        result: Result<Summary, TransferError>,
        setup: &Setup,
    ) -> Result<(), Fault> {
        let result = result.map(|_| ());
        if self.result.is_some_and(|known| known != result) {
            return Err(Fault::Broken);
        }
        self.result = Some(result);
        if self
            .announced
            .is_some_and(|announced| result != Err(announced))
        {
            return Err(Fault::Broken);
        }
        // A sender and a receiver alike: what counts is what they have or have been told.
        if result.is_ok() && self.received.max(self.up_to) != setup.len {
            return Err(Fault::Broken);
        }
        Ok(())
    }

    /// Whether the file was sent or taken completely, for all this end knows.
    pub(crate) fn is_success(&self) -> bool {
        self.result == Some(Ok(()))
    }
}

/// Whether the sabotaged sender takes this for a time-out.
pub(crate) fn is_mistaken(event: &Event<'_>, wire: &Wire, setup: &Setup) -> bool {
    setup.sabotage == Some(Sabotage::Apprentice)
        && matches!(event, Event::Ignored(Ignored::Duplicate))
        && matches!(wire, Wire::Ack { .. })
}
