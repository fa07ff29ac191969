//! Several event loops are one server.

use std::{collections::HashSet, net::UdpSocket};

use tftp_server::{Memory, Ports, Root, Server, ServerConfig, TurnedAway, Uploads};

use crate::{ports::free_ports, support::*};

fn memory() -> Memory {
    let mut memory = Memory::new();
    memory.insert("image", noise(30_000)).unwrap();
    memory
}

/// So many that each loop has clients, as good as surely.
const CLIENTS: usize = 40;

fn threads(ports: Ports) -> ServerConfig {
    let mut config = config();
    config.threads = 4;
    config.ports = ports;
    config
}

fn each_mode() -> [ServerConfig; 2] {
    [Ports::PerTransfer, Ports::Single].map(threads)
}

fn clients(server: &Running) -> Vec<Client> {
    (0..CLIENTS).map(|_| Client::new(server.address)).collect()
}

#[test]
fn files_are_sent_whole_by_every_loop() {
    for config in each_mode() {
        let server = serve(config, memory());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for windowsize in [1, 4, 16] {
                        let file = get(server.address, "image", choices(1000, windowsize));
                        assert!(file.unwrap() == noise(30_000));
                    }
                });
            }
        });
        for _ in 0..24 {
            assert_eq!(server.ended().outcome, "Complete");
        }
    }
}

#[test]
fn files_are_stored_by_every_loop() {
    for config in each_mode() {
        let dir = directory(&[]);
        let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
        let server = serve(config, root);
        for number in 0..12 {
            let name = number.to_string();
            let _ = put(server.address, &name, &noise(9_000), choices(1000, 4)).unwrap();
            assert!(std::fs::read(dir.path().join(name)).unwrap() == noise(9_000));
        }
    }
}

/// A repeat that came to another loop would start a second transfer.
#[test]
fn a_repeated_request_reaches_the_loop_of_the_first_one() {
    let server = serve(threads(Ports::PerTransfer), memory());
    for client in clients(&server) {
        client.ask(&rrq("image", &[]));
        let (_, tid) = client.receive();
        client.ask(&rrq("image", &[]));
        client.send_to(tid, &ack(1));
        assert_eq!(client.receive(), (data(2, &noise(30_000)[512..1024]), tid));
    }
}

/// H3
#[test]
fn the_bound_of_half_open_transfers_is_for_all_loops_together() {
    let mut config = threads(Ports::PerTransfer);
    config.limits.half_open = 5;
    let server = serve(config, memory());
    let clients = clients(&server);
    for client in &clients {
        client.ask(&rrq("image", &[]));
        let _ = client.receive();
    }
    let evicted: HashSet<_> = (5..CLIENTS)
        .map(|_| {
            let ended = server.ended();
            assert_eq!(ended.outcome, "Evicted");
            ended.peer
        })
        .collect();
    let oldest = clients[..CLIENTS - 5].iter();
    let oldest = oldest.map(|client| client.socket.local_addr().unwrap());
    assert_eq!(evicted, oldest.collect());
}

/// C-86
#[test]
fn the_bound_of_a_client_is_for_all_loops_together() {
    let mut config = threads(Ports::PerTransfer);
    config.limits.per_client = 3;
    config.limits.loopback_counts = true;
    let server = serve(config, memory());
    for (index, client) in clients(&server).into_iter().enumerate() {
        client.ask(&rrq("image", &[]));
        if index < 3 {
            let _ = client.receive();
        } else {
            let from = client.socket.local_addr().unwrap();
            let told = server.told();
            assert_eq!(told, Told::TurnedAway(from, TurnedAway::ClientBusy));
        }
    }
}

#[test]
fn a_shutdown_lets_the_transfers_of_all_loops_end() {
    for config in each_mode() {
        let server = serve(config, memory());
        let under_way: Vec<_> = clients(&server)
            .into_iter()
            .map(|client| {
                client.ask(&rrq("image", &[("blksize", "20000")]));
                let (_, tid) = client.receive();
                client.send_to(tid, &ack(0));
                let _ = client.receive();
                (client, tid)
            })
            .collect();
        server.handle.shutdown();
        for (client, tid) in under_way {
            client.send_to(tid, &ack(1));
            assert_eq!(client.receive().0, data(2, &noise(30_000)[20_000..]));
            client.send_to(tid, &ack(2));
            assert_eq!(server.ended().outcome, "Complete");
        }
        server.join().unwrap();
    }
}

#[test]
fn a_stop_tells_the_clients_of_all_loops() {
    let server = serve(threads(Ports::PerTransfer), memory());
    let clients = clients(&server);
    for client in &clients {
        client.ask(&rrq("image", &[]));
        let _ = client.receive();
    }
    server.handle.stop();
    for client in clients {
        assert_eq!(error_code(&client.receive().0), 0);
    }
    server.join().unwrap();
}

#[test]
fn all_loops_use_the_ports_of_one_range() {
    let range = free_ports(6);
    let server = serve(threads(Ports::Range(range.clone())), memory());
    let clients = clients(&server);
    let used = clients.iter().take(6).map(|client| {
        client.ask(&rrq("image", &[]));
        client.receive().1.port()
    });
    assert_eq!(used.collect::<HashSet<_>>(), range.collect());
}

#[test]
fn an_address_that_another_server_has_is_refused() {
    let server = serve(threads(Ports::PerTransfer), memory());
    for threads in [1, 4] {
        let mut config = config();
        config.threads = threads;
        config.listen = vec![server.address];
        assert!(Server::bind(config, memory()).is_err());
    }
}

#[test]
fn a_socket_that_was_bound_before_is_listened_on_by_any_number_of_loops() {
    for threads in [1, 4] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut config = config();
        config.listen.clear();
        config.threads = threads;
        let server = Server::bind_with(config, vec![socket], memory()).unwrap();
        assert_eq!(server.local_addrs(), [address]);
        let server = run(server);
        for _ in 0..CLIENTS {
            let file = get(server.address, "image", choices(1468, 8)).unwrap();
            assert!(file == noise(30_000));
        }
    }
}
