//! Get and put as a bootloader would write them: one buffer, one machine, no more.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tftp_proto::{
    Config, ErrorCode, Event, Instant, Length, Output, Receiver, Request, Sender, Transmit,
};

use crate::device;

/// Sizes and options that only run time knows: nothing of the protocol may be left out because an
/// option is fixed.
fn config() -> Config {
    let mut config = Config::client();
    device::decide(&mut config);
    config
}

fn server() -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 69))
}

fn now() -> Instant {
    Instant::from_micros(device::now())
}

/// Encodes into `buf`, fills in the bytes of the file, and sends.
pub fn transmit(transmit: &Transmit<'_>, buf: &mut [u8]) {
    let Ok(gap) = transmit.encode(buf) else {
        return;
    };
    if let Some(gap) = gap {
        device::read(gap.offset, gap.buf);
    }
    if let Some(datagram) = buf.get(..transmit.encoded_len()) {
        device::send(datagram, &transmit.to);
    }
}

/// Fetches a file into the flash. `buf` holds one datagram, received or to be sent.
pub fn get(buf: &mut [u8]) {
    let Ok(request) = Request::octet("firmware.bin") else {
        return;
    };
    let mut download = Receiver::request(now(), server(), request, config());
    loop {
        let deadline = match download.poll(now()) {
            Output::Transmit(t) => {
                transmit(&t, buf);
                continue;
            }
            Output::Wait(at) => at,
            Output::Done(result) => return device::report(&result),
        };
        let Some((from, datagram)) = device::receive(buf, deadline.as_micros()) else {
            continue;
        };
        if let Event::Block(block) = download.handle(now(), from, datagram)
            && !device::write(block.offset, block.payload)
        {
            download.abort(ErrorCode::DISK_FULL);
        }
    }
}

/// Sends a file from the flash. `buf` as for [`get`].
pub fn put(buf: &mut [u8]) {
    let Ok(request) = Request::octet("crash.log") else {
        return;
    };
    let length = Length::Known(device::length());
    let mut upload = Sender::request(now(), server(), request, length, config());
    loop {
        let deadline = match upload.poll(now()) {
            Output::Transmit(t) => {
                transmit(&t, buf);
                continue;
            }
            Output::Wait(at) => at,
            Output::Done(result) => return device::report(&result),
        };
        let Some((from, datagram)) = device::receive(buf, deadline.as_micros()) else {
            continue;
        };
        device::report(&upload.handle(now(), from, datagram));
    }
}
