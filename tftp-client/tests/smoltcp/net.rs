//! Stacks on one network, in virtual time: what a node sends arrives at the others after a delay, or is
//! lost, doubled or overtaken, as a seed decides.

use core::{cell::RefCell, net::IpAddr};
use std::{collections::BTreeMap, rc::Rc};

use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet},
    phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken},
    socket::udp,
    time::{Duration, Instant},
    wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint},
};

/// What the network does to packets, in percent each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) loss: u64,
    pub(crate) duplication: u64,
    pub(crate) reordering: u64,
}

/// From one end to the other.
const DELAY: Duration = Duration::from_millis(2);
/// How much later an overtaken packet arrives.
const DETOUR: Duration = Duration::from_millis(5);
/// No test needs more turns; one that does not end is stopped.
const MOST_TURNS: u32 = 2_000_000;

/// A packet on its way, by the time of its arrival and the order of sending.
type Queue = BTreeMap<(Instant, u64), Vec<u8>>;

struct Air {
    medium: Medium,
    faults: Faults,
    random: u64,
    now: Instant,
    sent: u64,
    queues: Vec<(Vec<IpAddr>, Queue)>,
    /// UDP payloads that were sent, lost ones too, with the sender's number.
    trace: Vec<(usize, Vec<u8>)>,
}

/// The network and its clock.
#[derive(Clone)]
pub(crate) struct Net(Rc<RefCell<Air>>);

impl Net {
    pub(crate) fn new(medium: Medium, faults: Faults, seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Air {
            medium,
            faults,
            random: seed,
            now: Instant::ZERO,
            sent: 0,
            queues: Vec::new(),
            trace: Vec::new(),
        })))
    }

    /// A network on which nothing goes wrong, of IP packets.
    pub(crate) fn quiet() -> Self {
        Self::new(Medium::Ip, Faults::default(), 0)
    }

    /// A network on which a lot goes wrong.
    pub(crate) fn rough(seed: u64) -> Self {
        let faults = Faults {
            loss: 5,
            duplication: 5,
            reordering: 5,
        };
        Self::new(Medium::Ip, faults, seed)
    }

    /// The first four octets of each packet that this node sent and that begins with this opcode.
    pub(crate) fn heads(&self, node: &Node, opcode: u8) -> Vec<[u8; 4]> {
        let air = self.0.borrow();
        let sent = air
            .trace
            .iter()
            .filter(|(from, _)| *from == node.nic.number);
        let heads = sent.filter_map(|(_, payload)| payload.first_chunk().copied());
        heads
            .filter(|head| head.starts_with(&[0, opcode]))
            .collect()
    }

    /// How many packets with this opcode this node sent.
    pub(crate) fn count(&self, node: &Node, opcode: u8) -> usize {
        self.heads(node, opcode).len()
    }

    fn next_arrival(&self) -> Option<Instant> {
        let air = self.0.borrow();
        let first = |(_, queue): &(_, Queue)| queue.first_key_value().map(|((at, _), _)| *at);
        air.queues.iter().filter_map(first).min()
    }

    /// Gives every part its turns until all say that they are done, and tells how long that took.
    pub(crate) fn run(&self, parts: &mut [&mut dyn Part]) -> Duration {
        let start = self.0.borrow().now;
        for _ in 0..MOST_TURNS {
            let now = self.0.borrow().now;
            let deadlines: Vec<_> = parts.iter_mut().filter_map(|part| part.turn(now)).collect();
            if parts.iter().all(|part| part.is_done()) {
                return now - start;
            }
            let next = deadlines.into_iter().chain(self.next_arrival()).min();
            let next = next.expect("somebody waits for something");
            self.0.borrow_mut().now = next.max(now + Duration::from_micros(1));
        }
        panic!("not done at {}", self.0.borrow().now);
    }
}

/// Somebody on the network.
pub(crate) trait Part {
    /// Does what is to be done now, and tells when there is more.
    fn turn(&mut self, now: Instant) -> Option<Instant>;
    fn is_done(&self) -> bool;
}

impl Air {
    /// SplitMix64.
    fn chance(&mut self, percent: u64) -> bool {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 100 < percent
    }

    fn send(&mut self, now: Instant, from: usize, packet: &[u8]) {
        if let Some(payload) = udp_payload(self.medium, packet) {
            self.trace.push((from, payload.to_vec()));
        }
        if self.chance(self.faults.loss) {
            return;
        }
        let copies = 1 + u64::from(self.chance(self.faults.duplication));
        for _ in 0..copies {
            let late = self.chance(self.faults.reordering);
            let at = now + DELAY + if late { DETOUR } else { Duration::ZERO };
            self.sent += 1;
            let to = destination(self.medium, packet);
            for (number, (addresses, queue)) in self.queues.iter_mut().enumerate() {
                let is_meant = to.is_none_or(|to| addresses.contains(&to) || is_for_all(to));
                if number != from && is_meant {
                    queue.insert((at, self.sent), packet.to_vec());
                }
            }
        }
    }
}

/// Whom an IP packet is for; an Ethernet frame goes to all, who choose for themselves.
fn destination(medium: Medium, packet: &[u8]) -> Option<IpAddr> {
    match (medium, packet[0] >> 4) {
        (Medium::Ip, 4) => Some(
            <[u8; 4]>::try_from(&packet[16..20])
                .expect("4 octets")
                .into(),
        ),
        (Medium::Ip, _) => Some(
            <[u8; 16]>::try_from(&packet[24..40])
                .expect("16 octets")
                .into(),
        ),
        _ => None,
    }
}

fn is_for_all(to: IpAddr) -> bool {
    matches!(to, IpAddr::V4(to) if to.octets()[3] == 255)
}

fn udp_payload(medium: Medium, packet: &[u8]) -> Option<&[u8]> {
    let packet = &packet[if medium == Medium::Ip { 0 } else { 14 }..];
    match (packet[0] >> 4, packet[9], packet[6]) {
        (4, 17, _) => Some(&packet[28..]),
        (6, _, 17) => Some(&packet[48..]),
        _ => None,
    }
}

/// A network card.
pub(crate) struct Nic {
    net: Net,
    number: usize,
    medium: Medium,
    mtu: usize,
    /// Takes nothing from the stack.
    pub(crate) is_jammed: bool,
}

pub(crate) struct Received(Vec<u8>);
pub(crate) struct Sending<'n>(&'n Nic, Instant);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0
            .net
            .0
            .borrow_mut()
            .send(self.1, self.0.number, &packet);
        result
    }
}

impl Device for Nic {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Received, Sending<'_>)> {
        let mut air = self.net.0.borrow_mut();
        let first = air.queues[self.number].1.first_entry()?;
        let arrived = (first.key().0 <= now).then(|| first.remove())?;
        drop(air);
        Some((Received(arrived), Sending(self, now)))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_>> {
        (!self.is_jammed).then_some(Sending(self, now))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

/// The rings of a UDP socket: packets and octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rings {
    pub(crate) receive: (usize, usize),
    pub(crate) transmit: (usize, usize),
}

impl Rings {
    pub(crate) const AMPLE: Self = Self {
        receive: (64, 64 * 1500),
        transmit: (64, 64 * 1500),
    };

    pub(crate) fn socket(self) -> udp::Socket<'static> {
        let ring = |(packets, octets)| {
            udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; packets], vec![0; octets])
        };
        udp::Socket::new(ring(self.receive), ring(self.transmit))
    }
}

/// A stack with one UDP socket.
pub(crate) struct Node {
    pub(crate) iface: Interface,
    pub(crate) nic: Nic,
    pub(crate) sockets: SocketSet<'static>,
    pub(crate) udp: SocketHandle,
}

impl Node {
    /// A stack that joins the network with these addresses, in subnets of 24 and 64 bits.
    pub(crate) fn new(net: &Net, addresses: &[&str], rings: Rings) -> Self {
        let addresses: Vec<IpAddress> = addresses
            .iter()
            .map(|address| address.parse().expect("an IP address"))
            .collect();
        let mut air = net.0.borrow_mut();
        let number = air.queues.len();
        let medium = air.medium;
        air.queues.push((
            addresses.iter().map(|&address| address.into()).collect(),
            Queue::new(),
        ));
        drop(air);
        let mut nic = Nic {
            net: net.clone(),
            number,
            medium,
            mtu: if medium == Medium::Ip { 1500 } else { 1514 },
            is_jammed: false,
        };
        let hardware = match medium {
            Medium::Ip => HardwareAddress::Ip,
            _ => EthernetAddress([2, 0, 0, 0, 0, u8::try_from(number).expect("few nodes")]).into(),
        };
        let mut iface = Interface::new(Config::new(hardware), &mut nic, Instant::ZERO);
        iface.update_ip_addrs(|own| {
            for address in addresses {
                let prefix = if IpAddr::from(address).is_ipv4() {
                    24
                } else {
                    64
                };
                own.push(IpCidr::new(address, prefix))
                    .expect("few addresses");
            }
        });
        let mut sockets = SocketSet::new(Vec::new());
        let udp = sockets.add(rings.socket());
        Self {
            iface,
            nic,
            sockets,
            udp,
        }
    }

    /// The network's time.
    pub(crate) fn now(&self) -> Instant {
        self.nic.net.0.borrow().now
    }

    pub(crate) fn socket(&mut self) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(self.udp)
    }

    pub(crate) fn poll(&mut self, now: Instant) {
        self.iface.poll(now, &mut self.nic, &mut self.sockets);
    }

    /// When the interface wants to be polled next.
    pub(crate) fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        self.iface.poll_at(now, &self.sockets)
    }
}

/// A host that sends what a test says and keeps what it gets.
pub(crate) struct Script {
    pub(crate) node: Node,
    pub(crate) received: Vec<(IpEndpoint, IpAddress, Vec<u8>)>,
    sends: Vec<(Instant, IpEndpoint, Vec<u8>)>,
}

impl Script {
    /// Bound to `port`; each datagram leaves so many milliseconds from now.
    pub(crate) fn new(mut node: Node, port: u16, sends: &[(u64, IpEndpoint, &[u8])]) -> Self {
        node.socket().bind(port).expect("a free socket");
        let now = node.now();
        let sends = sends
            .iter()
            .map(|(at, to, datagram)| (now + Duration::from_millis(*at), *to, datagram.to_vec()));
        Self {
            node,
            received: Vec::new(),
            sends: sends.collect(),
        }
    }

    /// What was received, without where from.
    pub(crate) fn datagrams(&self) -> Vec<&[u8]> {
        self.received
            .iter()
            .map(|(_, _, datagram)| datagram.as_slice())
            .collect()
    }
}

impl Part for Script {
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        self.node.poll(now);
        let socket = self.node.sockets.get_mut::<udp::Socket<'_>>(self.node.udp);
        while let Ok((datagram, meta)) = socket.recv() {
            let asked = meta.local_address.expect("an address that was asked");
            self.received
                .push((meta.endpoint, asked, datagram.to_vec()));
        }
        for (_, to, datagram) in self.sends.extract_if(.., |(at, ..)| *at <= now) {
            socket.send_slice(&datagram, to).expect("room for it");
        }
        let poll_at = self.node.poll_at(now);
        let next = self.sends.iter().map(|(at, ..)| *at).min();
        poll_at.into_iter().chain(next).min()
    }

    fn is_done(&self) -> bool {
        let socket = self.node.sockets.get::<udp::Socket<'_>>(self.node.udp);
        self.sends.is_empty() && socket.send_queue() == 0
    }
}
