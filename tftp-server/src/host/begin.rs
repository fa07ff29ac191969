//! Starting a session: its file, its machine, its socket.

use core::{net::SocketAddr, time::Duration};
use std::io;

use mio::{Interest, net::UdpSocket};
use tftp_proto::{Direction, ErrorCode, Instant, Length, Mode, Receiver, Sender, Text};

use super::{
    accept::{Call, grant},
    batch::Outbox,
    config::Ports,
    guard::{GuardedSink, GuardedSource, guarded},
    ports::random,
    report::{Outcome, Report, TurnedAway},
    session::Session,
    socket::{bind_transfer, prepare_upload},
    transfer::{File, Machine, Transfer},
    worker::Worker,
};
use crate::{
    ContentError, FileRequest,
    files::netascii::{Decoded, Encoded},
};

/// Ports that are tried if others use those of the range.
const PORT_TRIES: usize = 16;
const NEVER: Instant = Instant::from_micros(u64::MAX);

impl Worker {
    /// Serves a request that there is room for, or refuses it.
    pub(super) fn accept(&mut self, call: &Call<'_>, outbox: &mut Outbox) {
        let started = self.now();
        let mut opened = self.open(call);
        if is_shortage(&opened) && self.spare_one() {
            opened = self.open(call);
        }
        let file = match opened {
            Ok(file) => file,
            // It is not the file's fault, and may be over when the request is repeated.
            Err(_) if is_shortage(&opened) => {
                return self.turn_away(call.incoming.from(), TurnedAway::NoHandle);
            }
            Err(error) => return self.refuse(call, started, &error),
        };
        self.make_room();
        let mut own = self.transfer_socket(call);
        if matches!(own, Err(TurnedAway::NoHandle)) && self.spare_one() {
            own = self.transfer_socket(call);
        }
        let (socket, port) = match own {
            Ok(own) => own,
            Err(reason) => return self.turn_away(call.incoming.from(), reason),
        };
        let session = self.session(call, file, socket, port, started);
        let key = self.sessions.insert(session);
        if self.register(key).is_err() {
            self.turn_away(call.incoming.from(), TurnedAway::NoHandle);
            if let Some(session) = self.sessions.remove(key) {
                let mut census = self.shared.census();
                census.leave(session.peer, session.serial, session.port);
            }
            return;
        }
        self.speak(key, outbox);
    }

    fn session(
        &self,
        call: &Call<'_>,
        file: File,
        socket: Option<UdpSocket>,
        port: Option<u16>,
        started: Instant,
    ) -> Session {
        let peer = call.incoming.from();
        let limits = &self.shared.config.limits;
        let machine = self.machine(call, &file);
        let agreed = machine.summary().negotiated.timeout;
        let half_open_time = half_open_time(limits.half_open_time, agreed);
        let mut transfer = Transfer::new(machine, file);
        transfer.allow(grant(call.octets, limits.amplification));
        let listens_to_all = self
            .listeners
            .get(call.listener)
            .is_some_and(|listener| listener.address.ip().is_unspecified());
        let request = call.incoming.request();
        let key = self.sessions.next_key();
        Session {
            transfer,
            peer,
            local: call.local,
            source: (socket.is_none() && listens_to_all).then_some(call.local.ip()),
            socket,
            port,
            listener: call.listener,
            name: request.filename().into(),
            mode: request.mode(),
            fingerprint: call.incoming.fingerprint(),
            serial: self.shared.census().enter(peer, self.index, key),
            started,
            half_open_until: started.saturating_add(half_open_time),
            lingers_until: Instant::ZERO,
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
        }
    }

    fn refuse(&self, call: &Call<'_>, started: Instant, error: &ContentError) {
        let peer = call.incoming.from();
        if error.code() == ErrorCode::FILE_NOT_FOUND {
            let limits = &self.shared.config.limits;
            self.shared.census().count_miss(peer, limits, started);
        }
        let refusal = call.incoming.refuse(error.code());
        self.answer(call.listener, call.local, &refusal);
        self.report_refused(call, started, error);
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
                let source = guarded(|| self.shared.content().open(&file_request))?;
                let source = Box::new(GuardedSource::new(source));
                Ok(File::Source(match mode {
                    Mode::Octet => source,
                    Mode::Netascii => Box::new(Encoded::new(source)),
                }))
            }
            (Direction::Write, mode) => {
                if call.incoming.tsize() > Some(self.shared.config.transfer.max_len) {
                    return Err(ErrorCode::DISK_FULL.into());
                }
                let sink = guarded(|| self.shared.content().create(&file_request))?;
                let sink = Box::new(GuardedSink(sink));
                Ok(File::Sink(match mode {
                    Mode::Octet => sink,
                    Mode::Netascii => Box::new(Decoded::new(sink)),
                }))
            }
        }
    }

    fn machine(&self, call: &Call<'_>, file: &File) -> Machine {
        let now = self.now();
        let mut limits = self.shared.config.transfer;
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
        &self,
        call: &Call<'_>,
    ) -> Result<(Option<UdpSocket>, Option<u16>), TurnedAway> {
        let mut address = call.local;
        address.set_port(0);
        let made = match &self.shared.config.ports {
            Ports::Single => return Ok((None, None)),
            Ports::Range(_) => self.bind_in_range(address),
            Ports::PerTransfer => bind_transfer(address).map(|socket| (socket, None)),
        };
        match made {
            Ok((socket, port)) => Ok((Some(socket), port)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(TurnedAway::NoPort),
            Err(_) => Err(TurnedAway::NoHandle),
        }
    }

    fn bind_in_range(&self, mut address: SocketAddr) -> io::Result<(UdpSocket, Option<u16>)> {
        let mut taken_by_others = Vec::new();
        let mut made = Err(io::Error::from(io::ErrorKind::AddrInUse));
        for _ in 0..PORT_TRIES {
            let taken = self.shared.census().take_port(random());
            let Some(port) = taken else {
                break;
            };
            address.set_port(port);
            made = bind_transfer(address).map(|socket| (socket, Some(port)));
            if made.is_ok() {
                break;
            }
            taken_by_others.push(port);
        }
        self.shared.census().give_back(taken_by_others);
        made
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

    fn report_refused(&self, call: &Call<'_>, started: Instant, error: &ContentError) {
        let request = call.incoming.request();
        self.shared.tell(&Report {
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
            duration: self.now().saturating_since(started),
            outcome: Outcome::Refused(error),
        });
    }
}

/// Whether the system has no more of something that every file takes, such as handles.
fn is_shortage(opened: &Result<File, ContentError>) -> bool {
    let Some(cause) = opened.as_ref().err().and_then(ContentError::cause) else {
        return false;
    };
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        matches!(
            Errno::from_io_error(cause),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)
        )
    }
    #[cfg(not(unix))]
    {
        cause.kind() == io::ErrorKind::OutOfMemory
    }
}

/// How long a transfer may stay half open whose client asked for the time-out `agreed`.
///
/// An answer that was lost is repeated after that time-out, so the transfer must live longer. This
/// costs no more octets than any other answer, as those are counted, and a place in the table for longer,
/// which whoever comes next takes if the table is full. To repeat the answer sooner than was agreed would
/// send more to an address that may be forged.
fn half_open_time(least: Duration, agreed: Option<Duration>) -> Duration {
    let repeated = agreed.unwrap_or_default();
    least.max(
        repeated
            .saturating_mul(3)
            .checked_div(2)
            .unwrap_or(repeated),
    )
}
