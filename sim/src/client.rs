//! A client's host: one transfer.

use core::net::{IpAddr, SocketAddr};
use std::collections::VecDeque;

use tftp_proto::{Config, Instant, Request};

use crate::{
    Action, Datagram, Ended, File, Node, Rule, Sent, Sink, Transfer, Turn, transfer::wire_form,
};

/// A host that gets or puts one file with the machines of `tftp-proto`.
#[derive(Clone, Debug)]
pub struct Client<'r> {
    local: SocketAddr,
    server: SocketAddr,
    request: Request<'r>,
    config: Config,
    task: Task,
    start: Instant,
    fall_back: bool,
    transfer: Option<Transfer<'r>>,
    replies: VecDeque<Datagram>,
    /// Transfers before this one.
    before: Option<Sent>,
}

#[derive(Clone, Debug)]
enum Task {
    Get(Sink),
    Put(File),
}

impl<'r> Client<'r> {
    /// A client at `local` that asks `server` for a file.
    #[must_use]
    pub const fn get(
        local: SocketAddr,
        server: SocketAddr,
        request: Request<'r>,
        config: Config,
    ) -> Self {
        Self::new(local, server, request, config, Task::Get(Sink::keeping()))
    }

    /// A client at `local` that asks `server` to take `file`.
    #[must_use]
    pub const fn put(
        local: SocketAddr,
        server: SocketAddr,
        request: Request<'r>,
        file: File,
        config: Config,
    ) -> Self {
        Self::new(local, server, request, config, Task::Put(file))
    }

    const fn new(
        local: SocketAddr,
        server: SocketAddr,
        request: Request<'r>,
        config: Config,
        task: Task,
    ) -> Self {
        Self {
            local,
            server,
            request,
            config,
            task,
            start: Instant::ZERO,
            fall_back: false,
            transfer: None,
            replies: VecDeque::new(),
            before: None,
        }
    }

    /// Compares what arrives with `file`, instead of keeping it.
    #[must_use]
    pub fn expecting(mut self, file: File) -> Self {
        if let Task::Get(sink) = &mut self.task {
            *sink = Sink::expecting(file);
        }
        self
    }

    /// Begins at `start` instead of at once.
    #[must_use]
    pub const fn starting(mut self, start: Instant) -> Self {
        self.start = start;
        self
    }

    /// Repeats the request without options, from the next port, if the machine says that this may do
    /// better.
    #[must_use]
    pub const fn falling_back(mut self) -> Self {
        self.fall_back = true;
        self
    }

    /// The transfer, once it has begun.
    #[must_use]
    pub const fn transfer(&self) -> Option<&Transfer<'r>> {
        self.transfer.as_ref()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        let mut ended = self.transfer.as_ref()?.ended()?;
        if let Some(before) = self.before {
            ended.sent = ended.sent + before;
        }
        Some(ended)
    }

    fn begin(&mut self, now: Instant) -> &mut Transfer<'r> {
        let Self {
            server,
            request,
            config,
            task,
            ..
        } = self;
        self.transfer.get_or_insert_with(|| match task {
            Task::Get(sink) => Transfer::read(now, *server, *request, sink.clone(), *config),
            Task::Put(file) => Transfer::write(now, *server, *request, file.clone(), *config),
        })
    }

    /// Whether there is another try to be made.
    fn try_again(&mut self) -> bool {
        let again = self.fall_back
            && self.config.options
            && self
                .transfer
                .as_ref()
                .is_some_and(Transfer::retry_without_options);
        if let Some(transfer) = self.transfer.take_if(|_| again) {
            self.before = Some(transfer.sent());
            self.config.options = false;
            self.local.set_port(self.local.port().wrapping_add(1));
        }
        again
    }
}

impl Node for Client<'_> {
    fn address(&self) -> IpAddr {
        self.local.ip()
    }

    fn handle(&mut self, now: Instant, datagram: &Datagram) -> Result<(), Rule> {
        // Before it starts, after it ends and at other ports nobody listens.
        let Some(transfer) = self
            .transfer
            .as_mut()
            .filter(|transfer| datagram.to == self.local && !transfer.is_over())
        else {
            return Ok(());
        };
        let reply = transfer.handle(now, datagram.from, &datagram.payload)?;
        if let Some(reply) = reply {
            self.replies.push_back(wire_form(self.local, &reply)?);
        }
        Ok(())
    }

    fn poll(&mut self, now: Instant) -> Result<Action, Rule> {
        if let Some(reply) = self.replies.pop_front() {
            return Ok(Action::Send(reply));
        }
        if now < self.start {
            return Ok(Action::Wait(self.start));
        }
        loop {
            let local = self.local;
            return Ok(match self.begin(now).poll(now)? {
                Turn::Send(to, payload) => Action::Send(Datagram {
                    from: local,
                    to,
                    payload,
                }),
                Turn::Wait(at) => Action::Wait(at),
                Turn::Done(_) if self.try_again() => continue,
                Turn::Done(_) => Action::Idle,
            });
        }
    }
}
