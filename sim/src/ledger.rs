//! What a machine has promised so far, and whether it keeps it.

use tftp_proto::{Event, Instant, Length, Summary, TransferError, Transmit};

use crate::{File, Rule, Sink};

/// The file of a transfer and the account of what was done with it.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    body: Body,
    sent: Sent,
    /// Datagrams since the last input.
    in_a_row: u32,
    /// The last moment of a poll: a later one may find a timer expired, which is an input too.
    polled: Instant,
    /// What the result has to be.
    announced: Option<TransferError>,
    completed: Option<Instant>,
    ended: Option<(Instant, Result<Summary, TransferError>)>,
}

#[derive(Clone, Debug)]
enum Body {
    In(Sink),
    Out {
        file: File,
        /// What the peer has acknowledged.
        up_to: u64,
        /// The end of what was ever sent, and one more, for the last block may be empty.
        reached: u64,
    },
}

/// How much an end has sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// Datagrams of every kind.
    pub datagrams: u64,
    /// Octets in them, without the headers of UDP and IP.
    pub octets: u64,
    /// DATA packets.
    pub data: u64,
    /// DATA packets whose block had been sent before.
    pub data_again: u64,
}

/// How a transfer ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ended {
    /// What the machine said.
    pub result: Result<Summary, TransferError>,
    /// When the file was known to be complete: for a receiver before its dally.
    pub completed: Option<Instant>,
    /// When the machine was done.
    pub finished: Instant,
    /// What it sent.
    pub sent: Sent,
}

/// A datagram that a machine wanted sent.
pub(crate) enum Encoded {
    /// Its octets, the gap filled.
    Octets(Vec<u8>),
    /// There is nothing to fill the gap with: the file ends here, and the machine has to be told.
    EndsAt(u64),
}

impl Ledger {
    pub(crate) const fn receiving(sink: Sink) -> Self {
        Self::new(Body::In(sink))
    }

    pub(crate) const fn sending(file: File) -> Self {
        Self::new(Body::Out {
            file,
            up_to: 0,
            reached: 0,
        })
    }

    const fn new(body: Body) -> Self {
        Self {
            body,
            sent: Sent {
                datagrams: 0,
                octets: 0,
                data: 0,
                data_again: 0,
            },
            in_a_row: 0,
            polled: Instant::ZERO,
            announced: None,
            completed: None,
            ended: None,
        }
    }

    /// A datagram was handed to the machine, which made this of it.
    pub(crate) fn event(&mut self, event: &Event<'_>) -> Result<(), Rule> {
        self.in_a_row = 0;
        match event {
            Event::Stray(_) | Event::Ignored(_) => return Ok(()),
            _ if self.ended.is_some() => return Err(Rule::DoneChanged),
            _ => {}
        }
        match (event, &mut self.body) {
            (Event::Block(block), Body::In(sink)) => {
                sink.take(block.offset, block.payload, block.last)
            }
            (Event::Acknowledged { up_to: new }, Body::Out { file, up_to, .. }) => {
                if *new < *up_to || *new > file.len() {
                    return Err(Rule::Acknowledged { up_to: *new });
                }
                *up_to = *new;
                Ok(())
            }
            // A receiver acknowledges nothing and a sender gets no blocks.
            (Event::Block(_) | Event::Acknowledged { .. }, _) => Err(Rule::Result),
            (Event::Failed(error), _) => {
                self.announced = Some(*error);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The machine is about to be polled.
    pub(crate) fn poll(&mut self, now: Instant) {
        if now > self.polled {
            self.polled = now;
            self.in_a_row = 0;
        }
    }

    /// Makes the datagram. `window`: the most DATA that may follow an input.
    pub(crate) fn encode(&mut self, transmit: &Transmit<'_>, window: u16) -> Result<Encoded, Rule> {
        self.in_a_row += 1;
        // A window, the first packet of a transfer, a last ERROR.
        if self.in_a_row > u32::from(window) + 2 {
            return Err(Rule::Endless {
                sent: self.in_a_row,
            });
        }
        let mut octets = vec![0; transmit.encoded_len()];
        let gap = transmit.encode(&mut octets).map_err(|_| Rule::Encoding)?;
        match (&mut self.body, gap) {
            (Body::Out { file, reached, .. }, Some(gap)) => {
                let wanted = gap.buf.len();
                let end = gap.offset + wanted as u64 + 1;
                if file.read(gap.offset, gap.buf) < wanted {
                    return match file.length() {
                        Length::Unknown => Ok(Encoded::EndsAt(file.len())),
                        Length::Known(_) => Err(Rule::Encoding),
                    };
                }
                self.sent.data += 1;
                self.sent.data_again += u64::from(end <= *reached);
                *reached = end.max(*reached);
            }
            (Body::In(_), Some(_)) => return Err(Rule::Encoding),
            (_, None) => {}
        }
        self.sent.datagrams += 1;
        self.sent.octets += octets.len() as u64;
        Ok(Encoded::Octets(octets))
    }

    /// The machine says that the file is complete, though it may have more to do.
    pub(crate) fn complete(&mut self, now: Instant) -> Result<(), Rule> {
        if self.completed.is_none() {
            self.completed = Some(now);
            self.check_success()?;
        }
        Ok(())
    }

    /// The machine says that it is done. It must always say the same, and the truth.
    pub(crate) fn end(
        &mut self,
        now: Instant,
        result: Result<Summary, TransferError>,
    ) -> Result<(), Rule> {
        if let Some((_, known)) = &self.ended {
            // The count of what is ignored goes on.
            return if known.as_ref().err() == result.as_ref().err() {
                Ok(())
            } else {
                Err(Rule::DoneChanged)
            };
        }
        self.ended = Some((now, result));
        match (self.announced, &result) {
            (Some(announced), Err(error)) if announced == *error => Ok(()),
            (Some(_), _) => Err(Rule::Result),
            (None, Ok(_)) => self.complete(now).and_then(|()| self.check_success()),
            (None, Err(_)) => Ok(()),
        }
    }

    fn check_success(&self) -> Result<(), Rule> {
        let whole = match &self.body {
            Body::In(sink) => sink.is_whole(),
            Body::Out { file, up_to, .. } => *up_to == file.len(),
        };
        if whole {
            Ok(())
        } else {
            Err(Rule::FalseSuccess)
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    pub(crate) const fn sent(&self) -> Sent {
        self.sent
    }

    pub(crate) const fn sink(&self) -> Option<&Sink> {
        match &self.body {
            Body::In(sink) => Some(sink),
            Body::Out { .. } => None,
        }
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        let (finished, result) = self.ended?;
        Some(Ended {
            result,
            completed: self.completed,
            finished,
            sent: self.sent,
        })
    }
}

impl core::ops::Add for Sent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            datagrams: self.datagrams + other.datagrams,
            octets: self.octets + other.octets,
            data: self.data + other.data,
            data_again: self.data_again + other.data_again,
        }
    }
}
