//! The link does what it is told, and nothing else.

use core::{net::IpAddr, time::Duration};

use tftp_proto::{Config, Instant};
use tftp_sim::{Action, Datagram, Fate, File, Link, Network, Node, Pair, Rng, Rule, Stranger};

const MILLI: Duration = Duration::from_millis(1);

/// Sends numbered datagrams, one each millisecond.
struct Talker {
    len: usize,
    count: u16,
    sent: u16,
}

/// Notes what arrives, and when.
#[derive(Default)]
struct Listener {
    heard: Vec<(u16, Instant)>,
}

impl Node for Talker {
    fn address(&self) -> IpAddr {
        [10, 0, 0, 1].into()
    }

    fn handle(&mut self, _: Instant, _: &Datagram) -> Result<(), Rule> {
        Ok(())
    }

    fn poll(&mut self, now: Instant) -> Result<Action, Rule> {
        let next = Instant::from_millis(self.sent.into());
        if self.sent == self.count {
            return Ok(Action::Idle);
        }
        if now < next {
            return Ok(Action::Wait(next));
        }
        let mut payload = vec![0; self.len];
        payload[..2].copy_from_slice(&self.sent.to_be_bytes());
        self.sent += 1;
        Ok(Action::Send(Datagram {
            from: ([10, 0, 0, 1], 1000).into(),
            to: ([10, 0, 0, 2], 1000).into(),
            payload,
        }))
    }
}

impl Node for Listener {
    fn address(&self) -> IpAddr {
        [10, 0, 0, 2].into()
    }

    fn handle(&mut self, now: Instant, datagram: &Datagram) -> Result<(), Rule> {
        let number = u16::from_be_bytes([datagram.payload[0], datagram.payload[1]]);
        self.heard.push((number, now));
        Ok(())
    }

    fn poll(&mut self, _: Instant) -> Result<Action, Rule> {
        Ok(Action::Idle)
    }
}

/// Sends `count` datagrams of `len` octets; what was heard.
fn heard(network: &mut Network, count: u16, len: usize) -> Vec<(u16, Instant)> {
    let mut talker = Talker {
        len,
        count,
        sent: 0,
    };
    let mut listener = Listener::default();
    network.run(&mut [&mut talker, &mut listener]).unwrap();
    listener.heard
}

fn numbers(heard: &[(u16, Instant)]) -> Vec<u16> {
    heard.iter().map(|(number, _)| *number).collect()
}

#[test]
fn a_perfect_link_carries_everything_at_once() {
    let heard = heard(&mut Network::new(Link::new(1)), 100, 8);
    assert_eq!(
        heard,
        (0..100)
            .map(|n| (n, Instant::from_millis(n.into())))
            .collect::<Vec<_>>()
    );
}

#[test]
fn loss_takes_its_share() {
    let mut network = Network::new(Link::new(1).loss(0.3));
    let heard = heard(&mut network, 10_000, 8).len() as u64;
    assert!((6_800..7_200).contains(&heard), "{heard}");
    assert_eq!(network.traffic().lost, 10_000 - heard);
}

#[test]
fn duplication_doubles_its_share() {
    let heard = heard(&mut Network::new(Link::new(1).duplicate(0.3)), 10_000, 8);
    assert!((12_800..13_200).contains(&heard.len()), "{}", heard.len());
}

#[test]
fn reordering_loses_nothing_and_changes_the_order() {
    let link = Link::new(1).reorder(0.3, 5 * MILLI);
    let mut numbers = numbers(&heard(&mut Network::new(link), 1_000, 8));
    assert!(!numbers.is_sorted());
    numbers.sort_unstable();
    assert_eq!(numbers, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn delay_and_jitter_bound_the_flight() {
    let link = Link::new(1).delay(20 * MILLI).jitter(5 * MILLI);
    let heard = heard(&mut Network::new(link), 1_000, 8);
    let flights = heard
        .iter()
        .map(|(number, at)| at.saturating_since(Instant::from_millis((*number).into())));
    let (least, most) = (flights.clone().min(), flights.max());
    assert!(least >= Some(20 * MILLI) && most <= Some(25 * MILLI));
    assert!(most > least.map(|least| least + 4 * MILLI));
}

#[test]
fn rate_spaces_the_datagrams() {
    // 1,000 octets with headers each, at 100,000 a second: 10 ms each.
    let link = Link::new(1).rate(100_000);
    let heard = heard(&mut Network::new(link), 5, 972);
    let times: Vec<_> = heard.iter().map(|(_, at)| at.as_micros() / 1_000).collect();
    assert_eq!(times, [10, 20, 30, 40, 50]);
}

#[test]
fn a_full_queue_drops() {
    let link = Link::new(1).rate(100_000).queue(15 * MILLI);
    let heard = heard(&mut Network::new(link), 100, 972);
    // 100 ms of sending at a tenth of that speed.
    assert!((10..=13).contains(&heard.len()), "{}", heard.len());
}

#[test]
fn mtu_is_counted_with_headers() {
    let carried = |len| heard(&mut Network::new(Link::new(1).mtu(1_500)), 1, len).len();
    assert_eq!((carried(1_472), carried(1_473)), (1, 0));
}

#[test]
fn a_script_decides_on_each_datagram() {
    let mut network = Network::new(Link::new(1)).script(|_, datagram| match datagram.payload[1] {
        1 => Fate::Lose,
        2 => Fate::Twice,
        3 => Fate::Hold(10 * MILLI),
        _ => Fate::Chance,
    });
    assert_eq!(
        numbers(&heard(&mut network, 6, 8)),
        [0, 2, 2, 4, 5, 3],
        "one lost, two twice, three late"
    );
}

#[test]
fn sending_takes_the_time_it_is_told_to() {
    let mut network = Network::new(Link::new(1)).send_time(3 * MILLI);
    let heard = heard(&mut network, 4, 8);
    let times: Vec<_> = heard.iter().map(|(_, at)| at.as_micros() / 1_000).collect();
    assert_eq!(times, [0, 3, 6, 9]);
}

#[test]
fn what_nobody_claims_is_counted() {
    let mut network = Network::new(Link::new(1));
    let mut talker = Talker {
        len: 8,
        count: 3,
        sent: 0,
    };
    network.run(&mut [&mut talker]).unwrap();
    assert_eq!(network.traffic().unclaimed, 3);
}

#[test]
fn a_run_that_takes_too_long_is_reported() {
    let report = Pair::get(File::pattern(1, 100))
        .link(Link::new(1).loss(1.0))
        .within(Duration::from_secs(5))
        .run();
    assert_eq!(report.unwrap_err().rule, Rule::TooLong);
}

fn faulty(seed: u64) -> Pair {
    let mut config = Config::client();
    config.windowsize = 4;
    let link = Link::new(seed)
        .loss(0.1)
        .duplicate(0.1)
        .reorder(0.1, 20 * MILLI)
        .jitter(3 * MILLI);
    Pair::get(File::pattern(1, 20_000))
        .client(config)
        .link(link)
        .stranger(Stranger::new(seed, 0.1))
        .capturing()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(faulty(9).run().unwrap(), faulty(9).run().unwrap());
}

#[test]
fn another_seed_gives_another_run() {
    let capture = |seed| faulty(seed).run().unwrap().capture;
    assert_ne!(capture(9), capture(10));
}

#[test]
fn the_generator_is_the_one_that_is_named() {
    // The first outputs of SplitMix64 for seed 1234567, as published with it.
    let mut rng = Rng::new(1_234_567);
    assert_eq!(
        [rng.next(), rng.next(), rng.next()],
        [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423
        ]
    );
}
