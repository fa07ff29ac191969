//! The servers that this program itself is, when it is told so. Each prints its address and ends with its
//! standard input, so that none outlives the program that has started it.

use core::net::Ipv4Addr;
use std::{
    io::{self, Read as _, Write as _},
    net::UdpSocket,
    path::Path,
    process, thread,
};

use tftp_server::{Root, Server, ServerConfig, Uploads};

use crate::{Failed, raw};

/// Our server, as a program would use it, with uploads.
pub(crate) fn ours(dir: &Path, mut config: ServerConfig) -> Result<(), Failed> {
    config.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    let root = Root::open(dir)?.uploads(Uploads::new());
    let server = Server::bind(config, root).map_err(|error| Failed::new(error.to_string()))?;
    for address in server.local_addrs() {
        println!("listening on {address}");
    }
    end_with_input();
    Ok(server.run()?)
}

/// The other end of bare UDP.
pub(crate) fn bare() -> Result<(), Failed> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("listening on {}", socket.local_addr()?);
    end_with_input();
    Ok(raw::serve(&socket)?)
}

fn end_with_input() {
    // Whoever started this reads the address; if that fails it is gone, and so is the input.
    let _ = io::stdout().flush();
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
}
