//! A real server on loopback sockets, spoken to by the client machines of `tftp-proto` or by
//! datagrams written by hand.

mod limits;
mod names;
mod ports;
mod shutdown;
mod support;
mod tids;
mod transfers;
mod uploads;
