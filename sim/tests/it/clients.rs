//! Several clients at one server.

use core::time::Duration;

use tftp_proto::{Config, ErrorCode, Instant, Request, TransferError};
use tftp_sim::{Client, Device, File, Host, Link, Network, Node, Stranger};

use crate::{asking, ms};

const NAME: &str = "image";

/// Clients with an address each; every third one writes a file of its own.
fn clients(count: u8, server: core::net::SocketAddr) -> Vec<Client<'static>> {
    (0..count)
        .map(|n| {
            let local = ([10, 0, 1, n], 50_000).into();
            let start = Instant::from_millis(u64::from(n) * 3);
            let config = asking(512, 1 + u16::from(n) % 5);
            if n % 3 == 0 {
                let request = Request::octet("upload").unwrap();
                Client::put(local, server, request, upload(), config).starting(start)
            } else {
                let request = Request::octet(NAME).unwrap();
                Client::get(local, server, request, config)
                    .expecting(image())
                    .starting(start)
            }
        })
        .collect()
}

fn image() -> File {
    File::pattern(1, 30_000)
}

fn upload() -> File {
    File::pattern(2, 20_000)
}

fn link(seed: u64) -> Link {
    Link::new(seed)
        .loss(0.03)
        .duplicate(0.03)
        .reorder(0.03, ms(5))
        .delay(ms(2))
}

fn run(network: &mut Network, server: &mut dyn Node, clients: &mut [Client<'_>]) {
    let mut nodes: Vec<&mut dyn Node> = vec![server];
    nodes.extend(clients.iter_mut().map(|client| client as &mut dyn Node));
    network.run(&mut nodes).unwrap();
}

#[test]
fn thirty_clients_share_a_host() {
    let mut host = Host::new([10, 0, 0, 1].into(), Config::server())
        .offering(NAME, image())
        .offering("upload", upload());
    let mut clients = clients(30, host.request_address());
    let mut network = Network::new(link(1)).stranger(Stranger::new(1, 0.02));
    run(&mut network, &mut host, &mut clients);
    for client in &clients {
        assert!(client.ended().is_some_and(|ended| ended.result.is_ok()));
    }
    let whole = host
        .served()
        .filter(|served| served.sink.as_ref().is_some_and(|sink| sink.is_whole()));
    assert_eq!(whole.count(), 10);
}

#[test]
fn a_device_serves_as_many_clients_as_it_has_places() {
    let mut device = Device::<8>::new([10, 0, 0, 1].into(), Config::server())
        .offering(NAME, image())
        .offering("upload", upload());
    let mut clients = clients(8, device.request_address());
    let mut network = Network::new(link(2)).stranger(Stranger::new(2, 0.02));
    run(&mut network, &mut device, &mut clients);
    for client in &clients {
        assert!(client.ended().is_some_and(|ended| ended.result.is_ok()));
    }
    assert!(device.server().is_empty());
}

#[test]
fn one_client_too_many_is_refused_and_harms_nobody() {
    let mut device =
        Device::<2>::new([10, 0, 0, 1].into(), Config::server()).offering(NAME, image());
    let server = device.request_address();
    let mut clients: Vec<_> = (0..3)
        .map(|n| {
            Client::get(
                ([10, 0, 1, n], 50_000).into(),
                server,
                Request::octet(NAME).unwrap(),
                Config::client(),
            )
            .expecting(image())
            .starting(Instant::from_millis(u64::from(n) * 20))
        })
        .collect();
    let mut network = Network::new(Link::new(1).delay(ms(2)));
    run(&mut network, &mut device, &mut clients);
    let results: Vec<_> = clients
        .iter()
        .map(|client| client.ended().unwrap().result.map(|summary| summary.bytes))
        .collect();
    assert_eq!(
        results,
        [
            Ok(30_000),
            Ok(30_000),
            Err(TransferError::Peer(ErrorCode::NOT_DEFINED))
        ]
    );
}

#[test]
fn h3_clients_that_never_answer_keep_nobody_out() {
    let mut device =
        Device::<4>::new([10, 0, 0, 1].into(), Config::server()).offering(NAME, image());
    let server = device.request_address();
    let mut clients: Vec<_> = (0..40)
        .map(|n| {
            Client::get(
                ([10, 0, 1, n], 50_000).into(),
                server,
                Request::octet(NAME).unwrap(),
                Config::client(),
            )
            .expecting(image())
            .starting(Instant::from_millis(u64::from(n)))
        })
        .collect();
    // All but the last one are deaf, so their requests might as well be forged.
    let mut network = Network::new(Link::new(1).delay(ms(2)))
        .within(Duration::from_secs(600))
        .script(|_, datagram| {
            if datagram.from.port() == 69
                && datagram.to.ip() != core::net::IpAddr::from([10, 0, 1, 39])
            {
                tftp_sim::Fate::Lose
            } else {
                tftp_sim::Fate::Arrive
            }
        });
    run(&mut network, &mut device, &mut clients);
    let last = clients[39].ended().unwrap();
    assert!(last.result.is_ok());
    assert!(last.completed < Some(Instant::from_millis(1_000)));
}

#[test]
fn a_missing_file_is_said_to_be_missing() {
    let mut host = Host::new([10, 0, 0, 1].into(), Config::server());
    let request = Request::octet(NAME).unwrap();
    let mut client = Client::get(
        ([10, 0, 0, 2], 50_000).into(),
        host.request_address(),
        request,
        Config::client(),
    );
    Network::new(Link::new(1))
        .run(&mut [&mut host, &mut client])
        .unwrap();
    let result = client.ended().unwrap().result;
    assert_eq!(result, Err(TransferError::Peer(ErrorCode::FILE_NOT_FOUND)));
    assert_eq!(host.served().count(), 0);
}
