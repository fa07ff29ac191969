//! A link that loses datagrams: a relay between a client and a TFTP server, on loopback.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How often the threads look whether they are to end.
const TICK: Duration = Duration::from_millis(100);

/// Relays datagrams to a server and back, and drops some. It ends with this value.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    socket: UdpSocket,
    server: SocketAddr,
    /// Datagrams of a thousand that are lost.
    per_mille: u64,
    dice: AtomicU64,
    lost: AtomicU64,
    /// Datagrams of the server's that are still let through.
    left: AtomicU64,
    over: AtomicBool,
}

impl Relay {
    /// A relay to `server` that loses `percent` of the datagrams in each direction, the same ones for the
    /// same seed and order.
    ///
    /// # Errors
    /// If there is no socket to be had.
    pub fn start(server: SocketAddr, percent: u64, seed: u64) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        let port = socket.local_addr()?.port();
        let shared = Arc::new(Shared {
            socket,
            server,
            per_mille: percent * 10,
            dice: AtomicU64::new(seed),
            lost: AtomicU64::new(0),
            left: AtomicU64::new(u64::MAX),
            over: AtomicBool::new(false),
        });
        let relay = shared.clone();
        thread::spawn(move || relay.towards_server());
        Ok(Self { port, shared })
    }

    /// Where to send what is meant for the server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets this many more datagrams of the server's through, and then none.
    pub fn cut_after(&self, datagrams: u64) {
        self.shared.left.store(datagrams, Ordering::Relaxed);
    }

    /// Datagrams lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

/// One client's way to the server. The server's side of a transfer has a port of its own.
struct Flow {
    socket: UdpSocket,
    peer: Arc<std::sync::Mutex<SocketAddr>>,
}

impl Shared {
    fn towards_server(self: Arc<Self>) {
        let mut flows: HashMap<SocketAddr, Flow> = HashMap::new();
        let mut buf = [0; 2048];
        while !self.over.load(Ordering::Relaxed) {
            let Ok((len, client)) = self.socket.recv_from(&mut buf) else {
                continue;
            };
            let datagram = buf.get(..len).unwrap_or_default();
            let flow = match flows.get(&client) {
                Some(flow) => flow,
                None => match self.clone().flow(client) {
                    Ok(flow) => flows.entry(client).or_insert(flow),
                    Err(_) => continue,
                },
            };
            // RRQ and WRQ go to the server's port, whatever went before.
            let is_request = matches!(datagram, [0, 1 | 2, ..]);
            let to = match flow.peer.lock() {
                Ok(mut peer) => {
                    if is_request {
                        *peer = self.server;
                    }
                    *peer
                }
                Err(_) => return,
            };
            if !self.loses() {
                let _ = flow.socket.send_to(datagram, to);
            }
        }
    }

    fn flow(self: Arc<Self>, client: SocketAddr) -> io::Result<Flow> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        let peer = Arc::new(std::sync::Mutex::new(self.server));
        let (back, told) = (socket.try_clone()?, peer.clone());
        thread::spawn(move || {
            let mut buf = [0; 2048];
            while !self.over.load(Ordering::Relaxed) {
                let Ok((len, from)) = back.recv_from(&mut buf) else {
                    continue;
                };
                if let Ok(mut peer) = told.lock() {
                    *peer = from;
                }
                if self.passes() && !self.loses() {
                    let _ = self
                        .socket
                        .send_to(buf.get(..len).unwrap_or_default(), client);
                }
            }
        });
        Ok(Flow { socket, peer })
    }

    fn passes(&self) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    fn loses(&self) -> bool {
        let state = self
            .dice
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let lost = (mixed ^ mixed >> 31) % 1000 < self.per_mille;
        if lost {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        lost
    }
}
