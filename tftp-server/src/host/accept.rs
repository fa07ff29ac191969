//! Requests: whom to serve.

use core::net::{IpAddr, SocketAddr};
use std::io;

use mio::{Interest, net::UdpSocket};
use quinn_udp::RecvMeta;
use tftp_proto::{
    Direction, ErrorCode, Incoming, Instant, Length, Mode, Receiver, Sender, Text, TransferError,
    Transmit,
};

use super::{
    batch::{Outbox, Outlet},
    config::Ports,
    datagrams::{BATCH, Message},
    ports::{PortPool, random},
    report::{Outcome, Report, TurnedAway},
    server::{Buffers, Server},
    session::{Session, Verdict},
    sessions::client,
    socket::{bind_transfer, prepare_upload},
    transfer::{File, Machine, Transfer},
};
use crate::{
    ContentError, FileRequest,
    files::netascii::{Decoded, Encoded},
};

/// Batches that a listening socket may have at a time, if all transfers go through it: what its buffer
/// holds, or timers would fire for acknowledgements that have long arrived.
const ROUNDS: usize = 128;
/// Ports that are tried if others use those of the range.
const PORT_TRIES: usize = 16;
/// A block without options, as the first answer may be (RFC 1350).
const PLAIN_BLOCK: u64 = 516;
const NEVER: Instant = Instant::from_micros(u64::MAX);

/// A request with where it came in.
#[derive(Clone, Copy)]
struct Call<'m> {
    listener: usize,
    local: SocketAddr,
    octets: usize,
    incoming: Incoming<'m>,
}

impl Server {
    /// Takes in what has arrived at a listening socket.
    pub(super) fn serve_listener(&mut self, index: usize, buffers: &mut Buffers) {
        let single = self.config.ports == Ports::Single;
        for _ in 0..if single { ROUNDS } else { 1 } {
            let Some(listener) = self
                .listeners
                .get_mut(index)
                .filter(|listener| listener.readable)
            else {
                return;
            };
            listener.readable = buffers
                .datagrams
                .receive(&listener.socket, &listener.state, BATCH);
            let Buffers { datagrams, outbox } = buffers;
            for message in datagrams.messages() {
                self.take_message(index, &message, outbox);
            }
        }
    }

    fn take_message(&mut self, index: usize, message: &Message<'_>, outbox: &mut Outbox) {
        let Some(local) = self.asked_address(index, &message.meta) else {
            return;
        };
        let listens_to_all = self
            .listeners
            .get(index)
            .is_some_and(|listener| listener.address.ip().is_unspecified());
        if listens_to_all && self.local.is_for_many(local.ip()) {
            return self.turn_away(message.from(), TurnedAway::Broadcast);
        }
        let single = self.config.ports == Ports::Single;
        let for_session = single && self.take_for_session(message, local);
        for datagram in message.datagrams() {
            if is_request(datagram) || !for_session {
                self.take_request(index, message, local, datagram, outbox);
            }
        }
    }

    /// The address and port that a datagram was sent to.
    fn asked_address(&self, index: usize, meta: &RecvMeta) -> Option<SocketAddr> {
        let mut local = self.listeners.get(index)?.address;
        if let Some(ip) = meta.dst_ip {
            local.set_ip(ip);
        }
        if let (SocketAddr::V6(local), Some(interface)) = (&mut local, meta.interface_index)
            && local.ip().is_unicast_link_local()
        {
            local.set_scope_id(interface);
        }
        Some(local)
    }

    /// Gives what is not a request, but came to the request port, to the session it belongs to.
    /// `false`: there is none.
    fn take_for_session(&mut self, message: &Message<'_>, local: SocketAddr) -> bool {
        let now = self.clock.now();
        let Some(key) = self.sessions.find(message.from(), local) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        let was_proven = session.transfer.proven;
        let mut pieces = Vec::new();
        let datagrams = message.datagrams().filter(|datagram| !is_request(datagram));
        for datagram in datagrams.filter(|_| !session.committing) {
            // The session was found by the address, so the datagram is no stray.
            let _ = session
                .transfer
                .take(now, message.from(), datagram, &mut pieces);
        }
        session.transfer.store(&mut pieces);
        self.after_taking(key, was_proven);
        self.enqueue(key);
        true
    }

    fn take_request(
        &mut self,
        index: usize,
        message: &Message<'_>,
        local: SocketAddr,
        datagram: &[u8],
        outbox: &mut Outbox,
    ) {
        let peer = message.from();
        if peer.port() < self.config.limits.lowest_client_port {
            return self.turn_away(peer, TurnedAway::LowPort);
        }
        let incoming = match Incoming::decode(peer, datagram) {
            Ok(incoming) => incoming,
            Err(refusal) => {
                let reason = match refusal.reply() {
                    None => TurnedAway::NotARequest,
                    Some(reply) => {
                        if self.may_send_error() {
                            self.answer(index, local, &reply);
                        }
                        TurnedAway::Malformed
                    }
                };
                return self.turn_away(peer, reason);
            }
        };
        let call = Call {
            listener: index,
            local,
            octets: datagram.len(),
            incoming,
        };
        if self.supersedes(&call, outbox) {
            match self.has_room(peer) {
                Ok(()) => self.accept(&call, outbox),
                Err(reason) => self.turn_away(peer, reason),
            }
        }
    }

    /// Whether another answer to a malformed request is in order: they are worth little, and cost the
    /// one whose address may be forged.
    fn may_send_error(&mut self) -> bool {
        let second = self.clock.now().as_micros() / 1_000_000;
        let (current, count) = &mut self.errors;
        if *current != second {
            (*current, *count) = (second, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.config.limits.error_rate
    }

    /// What becomes of a session that the same client has from the same port. `false`: it goes on, and
    /// the request is a repeat of its own.
    fn supersedes(&mut self, call: &Call<'_>, outbox: &mut Outbox) -> bool {
        let peer = call.incoming.from();
        if let Some(key) = self.sessions.find(peer, call.local) {
            self.settle(key, outbox);
        }
        let Some(key) = self.sessions.find(peer, call.local) else {
            return true;
        };
        let amplification = self.config.limits.amplification;
        let Some(session) = self.sessions.get_mut(key) else {
            return true;
        };
        let transfer = &mut session.transfer;
        if session.fingerprint == call.incoming.fingerprint() && !transfer.machine.is_abandoned() {
            transfer.allow(grant(call.octets, amplification));
            if let Some(owed) = transfer.owed.take().filter(|_| !transfer.proven) {
                transfer.blocked.push_back(owed);
                self.speak(key, outbox);
            }
            return false;
        }
        session.verdict = Some(Verdict::Replaced);
        self.finish(key, Err(TransferError::TimedOut));
        true
    }

    /// Makes sure that there is room for another session of the client at `peer`.
    fn has_room(&mut self, peer: SocketAddr) -> Result<(), TurnedAway> {
        let limits = self.config.limits;
        if self.is_closing() {
            return Err(TurnedAway::ShuttingDown);
        }
        let counts = limits.loopback_counts || !peer.ip().is_loopback();
        if counts && self.sessions.of_client(peer) >= limits.per_client {
            return Err(TurnedAway::ClientBusy);
        }
        if limits.misses_per_minute != u32::MAX {
            let misses = self.misses.of(client(peer), self.clock.now());
            if misses >= limits.misses_per_minute {
                return Err(TurnedAway::TooManyMisses);
            }
        }
        if (self.sessions.len() >= limits.sessions || self.is_out_of_ports())
            && let Some(key) = self.sessions.oldest_dallying()
        {
            self.finish(key, Err(TransferError::TimedOut));
        }
        if self.sessions.half_open() >= limits.half_open.max(1)
            || self.sessions.len() >= limits.sessions
        {
            let Some(key) = self.sessions.oldest_half_open() else {
                return Err(TurnedAway::Busy);
            };
            if let Some(session) = self.sessions.get_mut(key) {
                session.verdict = Some(Verdict::Evicted);
            }
            self.finish(key, Err(TransferError::TimedOut));
        }
        if self.is_out_of_ports() {
            return Err(TurnedAway::NoPort);
        }
        Ok(())
    }

    fn is_out_of_ports(&self) -> bool {
        self.ports.as_ref().is_some_and(PortPool::is_empty)
    }

    fn accept(&mut self, call: &Call<'_>, outbox: &mut Outbox) {
        let started = self.clock.now();
        let file = match self.open(call) {
            Ok(file) => file,
            // It is not the file's fault, and may be over when the request is repeated.
            Err(error) if error.cause().is_some_and(is_shortage) => {
                return self.turn_away(call.incoming.from(), TurnedAway::Busy);
            }
            Err(error) => {
                if error.code() == ErrorCode::FILE_NOT_FOUND
                    && self.config.limits.misses_per_minute != u32::MAX
                {
                    self.misses.count(client(call.incoming.from()), started);
                }
                self.answer(
                    call.listener,
                    call.local,
                    &call.incoming.refuse(error.code()),
                );
                return self.report_refused(call, started, &error);
            }
        };
        let (socket, port) = match self.transfer_socket(call) {
            Ok(own) => own,
            Err(reason) => return self.turn_away(call.incoming.from(), reason),
        };
        let machine = self.machine(call, &file);
        let listens_to_all = self
            .listeners
            .get(call.listener)
            .is_some_and(|listener| listener.address.ip().is_unspecified());
        let mut transfer = Transfer::new(machine, file);
        transfer.allow(grant(call.octets, self.config.limits.amplification));
        let request = call.incoming.request();
        let session = Session {
            transfer,
            peer: call.incoming.from(),
            local: call.local,
            source: (socket.is_none() && listens_to_all).then_some(call.local.ip()),
            socket,
            port,
            listener: call.listener,
            name: request.filename().into(),
            mode: request.mode(),
            fingerprint: call.incoming.fingerprint(),
            serial: 0,
            started,
            wake: NEVER,
            armed: NEVER,
            rate_due: NEVER,
            rate_bytes: 0,
            queued: false,
            readable: false,
            awaits_room: false,
            committing: false,
            reported: false,
            verdict: None,
        };
        let key = self.sessions.insert(session);
        if self.register(key).is_err() {
            self.turn_away(call.incoming.from(), TurnedAway::Busy);
            let session = self.sessions.remove(key);
            if let (Some(port), Some(ports)) =
                (session.and_then(|session| session.port), &mut self.ports)
            {
                ports.give_back(port);
            }
            return;
        }
        self.speak(key, outbox);
    }

    /// Asks the content for what the request names.
    fn open(&mut self, call: &Call<'_>) -> Result<File, ContentError> {
        let request = call.incoming.request();
        let file_request = FileRequest {
            size: call.incoming.tsize(),
            ..FileRequest::new(
                request.filename(),
                request.mode(),
                call.incoming.from(),
                call.local,
            )
        };
        match (call.incoming.direction(), request.mode()) {
            (Direction::Read, mode) => {
                let source = self.content.open(&file_request)?;
                Ok(File::Source(match mode {
                    Mode::Octet => source,
                    Mode::Netascii => Box::new(Encoded::new(source)),
                }))
            }
            (Direction::Write, mode) => {
                if call.incoming.tsize() > Some(self.config.transfer.max_len) {
                    return Err(ErrorCode::DISK_FULL.into());
                }
                let sink = self.content.create(&file_request)?;
                Ok(File::Sink(match mode {
                    Mode::Octet => sink,
                    Mode::Netascii => Box::new(Decoded::new(sink)),
                }))
            }
        }
    }

    fn machine(&self, call: &Call<'_>, file: &File) -> Machine {
        let now = self.clock.now();
        let mut limits = self.config.transfer;
        limits.seed = random();
        match file {
            File::Source(source) => {
                let length = source.length().map_or(Length::Unknown, Length::Known);
                Machine::Sender(Sender::accept(now, &call.incoming, length, limits))
            }
            File::Sink(_) | File::Gone => {
                Machine::Receiver(Receiver::accept(now, &call.incoming, limits))
            }
        }
    }

    /// The socket that the transfer is to use, if not the listener's, and the port if it is of the range.
    fn transfer_socket(
        &mut self,
        call: &Call<'_>,
    ) -> Result<(Option<UdpSocket>, Option<u16>), TurnedAway> {
        let mut address = call.local;
        address.set_port(0);
        let made = match (&self.config.ports, &mut self.ports) {
            (Ports::Single, _) => return Ok((None, None)),
            (Ports::Range(_), Some(pool)) => {
                let mut taken_by_others = Vec::new();
                let mut made = Err(io::Error::from(io::ErrorKind::AddrInUse));
                for _ in 0..PORT_TRIES {
                    let Some(port) = pool.take(random()) else {
                        break;
                    };
                    address.set_port(port);
                    made = bind_transfer(address).map(|socket| (socket, Some(port)));
                    if made.is_ok() {
                        break;
                    }
                    taken_by_others.push(port);
                }
                taken_by_others
                    .into_iter()
                    .for_each(|port| pool.give_back(port));
                made
            }
            _ => bind_transfer(address).map(|socket| (socket, None)),
        };
        match made {
            Ok((socket, port)) => Ok((Some(socket), port)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(TurnedAway::NoPort),
            Err(_) => Err(TurnedAway::Busy),
        }
    }

    /// Watches the session's own socket.
    fn register(&mut self, key: usize) -> io::Result<()> {
        let token = self.token(key);
        let Some(session) = self.sessions.get_mut(key) else {
            return Ok(());
        };
        let Some(socket) = &mut session.socket else {
            return Ok(());
        };
        if let Machine::Receiver(receiver) = &session.transfer.machine {
            let agreed = receiver.negotiated();
            let window = usize::from(agreed.blksize).saturating_mul(usize::from(agreed.windowsize));
            prepare_upload(socket, window);
        }
        self.poll
            .registry()
            .register(socket, token, Interest::READABLE)
    }

    /// Sends a datagram from the listening socket, without any state.
    fn answer(&self, index: usize, local: SocketAddr, transmit: &Transmit<'_>) {
        let Some(listener) = self.listeners.get(index) else {
            return;
        };
        let several = listener.address.ip().is_unspecified();
        Outlet {
            socket: &listener.socket,
            state: &listener.state,
            source: several
                .then_some(local.ip())
                .filter(|ip: &IpAddr| !ip.is_unspecified()),
            segments: 1,
        }
        .send_plain(transmit);
    }

    fn report_refused(&mut self, call: &Call<'_>, started: Instant, error: &ContentError) {
        let request = call.incoming.request();
        self.observer.finished(&Report {
            peer: call.incoming.from(),
            local: call.local,
            direction: call.incoming.direction(),
            name: Text(request.filename()),
            mode: request.mode(),
            bytes: 0,
            blocks: 0,
            retransmissions: 0,
            ignored: 0,
            negotiated: None,
            duration: self.clock.now().saturating_since(started),
            outcome: Outcome::Refused(error),
        });
    }
}

/// Whether the system has no more of something that every file takes, such as handles.
fn is_shortage(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)
        )
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::OutOfMemory
    }
}

fn is_request(datagram: &[u8]) -> bool {
    matches!(datagram, [0, 1 | 2, ..])
}

/// Octets that may be sent for a request of `octets`, before the client has answered.
fn grant(octets: usize, amplification: u32) -> u64 {
    if amplification == u32::MAX {
        return u64::MAX;
    }
    (octets as u64)
        .saturating_mul(u64::from(amplification))
        .saturating_add(PLAIN_BLOCK)
}
