//! What the benchmarks measure: two machines that hand each other their datagrams, without a link,
//! a clock or a socket between them.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tftp_proto::{
    Config, Event, Incoming, Instant, Length, Output, Receiver, Request, Sender, Summary,
    TransferError,
};

/// The client's address.
pub const CLIENT: SocketAddr = address(1, 50_000);
/// The address at which the server takes requests, and from which it answers.
pub const SERVER: SocketAddr = address(2, 69);

/// No time passes: nothing is lost, so no timer fires.
const NOW: Instant = Instant::ZERO;

const fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, host), port))
}

/// Why a transfer did not end well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// One of the ends has given up.
    Transfer(TransferError),
    /// A datagram could not be made, or was not understood.
    Datagram,
    /// Both ends wait for each other.
    Stalled,
}

/// Fetches `file` with a read request, calls `sink` with each block in order, and returns what the sender
/// says of it. `buf` holds one datagram.
///
/// # Errors
/// If the transfer does not come to its end.
pub fn fetch(
    file: &[u8],
    config: Config,
    buf: &mut [u8],
    mut sink: impl FnMut(&[u8]),
) -> Result<Summary, Fault> {
    let request = Request::octet("file").map_err(|_| Fault::Datagram)?;
    let mut receiver = Receiver::request(NOW, SERVER, request, config);
    let Output::Transmit(opening) = receiver.poll(NOW) else {
        return Err(Fault::Stalled);
    };
    opening.encode(buf).map_err(|_| Fault::Datagram)?;
    let datagram = buf.get(..opening.encoded_len()).ok_or(Fault::Datagram)?;
    let incoming = Incoming::decode(CLIENT, datagram).map_err(|_| Fault::Datagram)?;
    let length = Length::Known(file.len() as u64);
    let mut sender = Sender::accept(NOW, &incoming, length, Config::server());
    loop {
        let mut idle = true;
        loop {
            match sender.poll(NOW) {
                Output::Transmit(transmit) => {
                    idle = false;
                    if let Some(gap) = transmit.encode(buf).map_err(|_| Fault::Datagram)? {
                        let source = usize::try_from(gap.offset)
                            .ok()
                            .and_then(|start| file.get(start..));
                        let bytes = source.and_then(|rest| rest.get(..gap.buf.len()));
                        gap.buf.copy_from_slice(bytes.ok_or(Fault::Datagram)?);
                    }
                    let datagram = buf.get(..transmit.encoded_len()).ok_or(Fault::Datagram)?;
                    if let Event::Block(block) = receiver.handle(NOW, SERVER, datagram) {
                        sink(block.payload);
                    }
                }
                Output::Wait(_) => break,
                Output::Done(result) => return result.map_err(Fault::Transfer),
            }
        }
        while let Output::Transmit(transmit) = receiver.poll(NOW) {
            idle = false;
            transmit.encode(buf).map_err(|_| Fault::Datagram)?;
            let datagram = buf.get(..transmit.encoded_len()).ok_or(Fault::Datagram)?;
            // What the ACK means to the sender shows in its next poll.
            let _ = sender.handle(NOW, CLIENT, datagram);
        }
        if idle {
            return Err(Fault::Stalled);
        }
    }
}

#[cfg(test)]
mod tests {
    use tftp_proto::Config;

    use super::fetch;

    #[test]
    fn every_byte_arrives_in_order_in_as_many_blocks_as_it_takes() {
        let file: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        for windowsize in [1, 16, 64] {
            let mut config = Config::client();
            config.blksize = 1_000;
            config.windowsize = windowsize;
            let mut stored = Vec::<u8>::new();
            let summary =
                fetch(&file, config, &mut [0; 1_004], |block| stored.extend(block)).unwrap();
            assert_eq!((summary.blocks, summary.retransmissions), (101, 0));
            assert!(stored == file);
        }
    }
}
