//! Names to servers.

use core::net::SocketAddr;
use std::{io, net::ToSocketAddrs};

/// The addresses that `host` stands for, each once, in the order in which the system's resolver
/// prefers them, with `port`. `host` may also be an address.
///
/// # Errors
/// If the name is not known, or the resolver cannot be asked.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut servers = Vec::new();
    for server in (host, port).to_socket_addrs()? {
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    Ok(servers)
}
