//! A server of four sessions on one port, as a device has it.

use tftp_proto::{
    Config, Direction, ErrorCode, Event, Instant, Length, Server, ServerEvent, ServerOutput,
};

use crate::{client::transmit, device};

fn now() -> Instant {
    Instant::from_micros(device::now())
}

/// Serves one file for reading and one for writing, for ever. `buf` holds one datagram.
pub fn serve(server: &mut Server<4>, buf: &mut [u8]) -> ! {
    loop {
        let deadline = match server.poll(now()) {
            ServerOutput::Transmit(_, t) | ServerOutput::Refuse(t) => {
                transmit(&t, buf);
                continue;
            }
            ServerOutput::Done(_, result) => {
                device::report(&result);
                continue;
            }
            ServerOutput::Wait(at) => at.map_or(u64::MAX, Instant::as_micros),
        };
        let Some((from, datagram)) = device::receive(buf, deadline) else {
            continue;
        };
        match server.handle(now(), from, datagram) {
            ServerEvent::Request(incoming) => {
                let accepted = match incoming.direction() {
                    Direction::Read if device::has(incoming.request().filename()) => {
                        server.accept_read(now(), &incoming, Length::Known(device::length()))
                    }
                    Direction::Write => server.accept_write(now(), &incoming),
                    Direction::Read => {
                        server.refuse(&incoming, ErrorCode::FILE_NOT_FOUND);
                        continue;
                    }
                };
                if accepted.is_err() {
                    server.refuse(&incoming, ErrorCode::NOT_DEFINED);
                }
            }
            ServerEvent::Transfer(id, Event::Block(block)) => {
                if !device::write(block.offset, block.payload) {
                    server.abort(id, ErrorCode::DISK_FULL);
                }
            }
            ServerEvent::Transfer(..) | ServerEvent::Ignored(_) => {}
        }
    }
}

/// A server that agrees to what the device decides.
pub fn new() -> Server<4> {
    let mut limits = Config::server();
    device::decide(&mut limits);
    Server::new(limits)
}
