//! Many plain clients in one thread, all of which ask at the same moment.

use core::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    io::{self, ErrorKind},
    thread,
    time::Instant,
};

use mio::{Events, Interest, Poll, Token, net::UdpSocket};
use serde::Serialize;

use crate::{
    Failed,
    meter::Memory,
    plain::{self, Get, PATIENCE, ROOM, Reply, Shape, WAITS},
    stats::quantile,
};

/// When those that are not done count as failed.
const LIMIT: Duration = Duration::from_secs(30);
/// How often silence is looked for.
const TICK: Duration = Duration::from_millis(100);

/// What became of the clients.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Crowd {
    pub(crate) clients: usize,
    pub(crate) failed: usize,
    /// Why the first of them failed.
    pub(crate) reason: Option<String>,
    /// Seconds from the first request of all until a client has its file.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// Waits that ended without a datagram.
    pub(crate) stalls: u32,
    /// How much more memory the server had at the most than before, in KiB.
    pub(crate) memory_growth: u64,
    pub(crate) processes: u64,
}

struct Client {
    socket: UdpSocket,
    machine: Get,
    /// What is sent again when nothing comes: the last ACK, or the request as long as nothing came.
    last_ack: Option<u16>,
    due: Instant,
    waits: u32,
    end: Option<Result<Duration, Failed>>,
}

struct Drive<'d> {
    server: SocketAddr,
    request: &'d [u8],
    clients: Vec<Client>,
    started: Instant,
    running: usize,
    stalls: u32,
    buf: Vec<u8>,
}

/// Lets `count` clients fetch `name`, of `len` octets, at once, from the server that is `process`.
pub(crate) fn run(
    server: SocketAddr,
    (name, len): (&str, u64),
    shape: Shape,
    count: usize,
    process: u32,
) -> Result<Crowd, Failed> {
    let mut poll = Poll::new()?;
    let clients = open_all(&poll, len, count)?;
    let before = Memory::of(process);
    let over = AtomicBool::new(false);
    let request = plain::request(1, name, shape);
    let mut drive = Drive {
        server,
        request: &request,
        clients,
        started: Instant::now(),
        running: count,
        stalls: 0,
        buf: vec![0; ROOM],
    };
    let (result, peak) = thread::scope(|scope| {
        let watch = scope.spawn(|| watch_memory(process, &over));
        let result = drive.run(&mut poll);
        over.store(true, Ordering::Relaxed);
        (result, watch.join().unwrap_or_default())
    });
    result?;
    Ok(drive.conclude(before, peak))
}

fn open_all(poll: &Poll, len: u64, count: usize) -> Result<Vec<Client>, Failed> {
    let open = |index| -> io::Result<Client> {
        let mut socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0).into())?;
        poll.registry()
            .register(&mut socket, Token(index), Interest::READABLE)?;
        Ok(Client {
            socket,
            machine: Get::new(len),
            last_ack: None,
            due: Instant::now(),
            waits: 0,
            end: None,
        })
    };
    (0..count)
        .map(|index| {
            open(index)
                .map_err(|error| Failed::new(format!("no socket for client {index} here: {error}")))
        })
        .collect()
}

/// The most memory that the server has until it is over.
fn watch_memory(process: u32, over: &AtomicBool) -> Memory {
    let mut peak = Memory::default();
    while !over.load(Ordering::Relaxed) {
        let memory = Memory::of(process);
        peak.resident = peak.resident.max(memory.resident);
        peak.processes = peak.processes.max(memory.processes);
        // To look at a thousand processes takes time from what is measured.
        let pause = 10 + memory.processes.min(1_000) / 2;
        thread::sleep(Duration::from_millis(pause));
    }
    peak
}

impl Drive<'_> {
    fn run(&mut self, poll: &mut Poll) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        self.started = Instant::now();
        for client in &mut self.clients {
            client.due = Instant::now() + PATIENCE;
            send(client, self.server, self.request)?;
        }
        let mut tick = Instant::now() + TICK;
        while self.running > 0 && self.started.elapsed() < LIMIT {
            poll.poll(&mut events, Some(TICK))?;
            for event in &events {
                self.take_all(event.token().0);
            }
            let now = Instant::now();
            if now >= tick {
                tick = now + TICK;
                self.send_again(now)?;
            }
        }
        Ok(())
    }

    /// Takes what has arrived for a client.
    fn take_all(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        if client.end.is_some() {
            return;
        }
        while client.end.is_none() {
            match take(client, &mut self.buf, self.started) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // A report on something that was sent before.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => client.end = Some(Err(error.into())),
            }
        }
        self.running = self.running.saturating_sub(1);
    }

    fn send_again(&mut self, now: Instant) -> io::Result<()> {
        for client in &mut self.clients {
            if client.end.is_some() || now < client.due {
                continue;
            }
            client.waits += 1;
            self.stalls += 1;
            client.due = now + PATIENCE;
            if client.waits >= WAITS {
                client.end = Some(Err(Failed::new("the server fell silent")));
                self.running = self.running.saturating_sub(1);
            } else if let Some(block) = client.last_ack {
                send_ack(client, block);
            } else {
                send(client, self.server, self.request)?;
            }
        }
        Ok(())
    }

    fn conclude(self, before: Memory, peak: Memory) -> Crowd {
        let clients = self.clients.len();
        let mut times = Vec::new();
        let mut reason = None;
        for client in self.clients {
            match client.end {
                Some(Ok(time)) => times.push(time.as_secs_f64()),
                Some(Err(failed)) => reason = reason.or(Some(failed.to_string())),
                None => reason = reason.or(Some(format!("not done after {LIMIT:?}"))),
            }
        }
        times.sort_by(f64::total_cmp);
        let at = |share| quantile(&times, share).unwrap_or(f64::NAN);
        Crowd {
            clients,
            failed: clients - times.len(),
            reason,
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
            stalls: self.stalls,
            memory_growth: peak.resident.saturating_sub(before.resident),
            processes: peak.processes,
        }
    }
}

/// Receives one datagram.
fn take(client: &mut Client, buf: &mut [u8], started: Instant) -> io::Result<()> {
    let connected = client.machine.is_answered();
    let (len, from) = if connected {
        (client.socket.recv(buf)?, None)
    } else {
        let (len, from) = client.socket.recv_from(buf)?;
        (len, Some(from))
    };
    let taken = client.machine.take(buf.get(..len).unwrap_or_default());
    if client.machine.is_answered() {
        if let Some(from) = from {
            client.socket.connect(from)?;
            client.last_ack = Some(0);
        }
        client.due = Instant::now() + PATIENCE;
        client.waits = 0;
    }
    match taken {
        Ok(Reply::Nothing) => {}
        Ok(Reply::Ack(block)) => {
            client.last_ack = Some(block);
            send_ack(client, block);
        }
        Ok(Reply::Last(block)) => {
            client.end = Some(Ok(started.elapsed()));
            send_ack(client, block);
        }
        Err(failed) => client.end = Some(Err(failed)),
    }
    Ok(())
}

fn send_ack(client: &Client, block: u16) {
    // What cannot be sent counts as lost: it is sent again when nothing comes.
    let _ = client.socket.send(&plain::ack(block));
}

fn send(client: &Client, server: SocketAddr, request: &[u8]) -> io::Result<()> {
    match client.socket.send_to(request, server) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
