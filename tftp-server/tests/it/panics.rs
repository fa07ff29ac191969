//! A content that panics loses the transfer that it did so in, and the server goes on.

use tftp_proto::ErrorCode;
use tftp_server::{Content, ContentError, FileRequest, Sink, Source};

use crate::support::{Client, Running, ack, config, data, error_code, rrq, serve, wrq};

/// Panics in the call that the name of the file says.
#[derive(Clone)]
struct Panicking(Vec<u8>);

impl Panicking {
    fn at(&self, call: &str) {
        assert_ne!(self.0, call.as_bytes(), "on purpose");
    }
}

impl Content for Panicking {
    fn open(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Source>, ContentError> {
        let file = Self(request.name.to_vec());
        file.at("open");
        Ok(Box::new(file))
    }

    fn create(&mut self, request: &FileRequest<'_>) -> Result<Box<dyn Sink>, ContentError> {
        let file = Self(request.name.to_vec());
        file.at("create");
        Ok(Box::new(file))
    }
}

impl Source for Panicking {
    fn length(&self) -> Option<u64> {
        self.at("length");
        Some(600)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
        self.at("read_at");
        let len = buf.len().min(600 - offset as usize);
        buf[..len].fill(7);
        Ok(len)
    }

    fn release(&mut self, _: u64) {
        self.at("release");
    }
}

impl Sink for Panicking {
    fn write(&mut self, _: &[u8]) -> Result<(), ContentError> {
        self.at("write");
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), ContentError> {
        self.at("commit");
        Ok(())
    }
}

/// What the client of `name`, which names a call, hears last, and what is told of it. `whole`: if nothing panics.
fn assert_end(server: &Running, name: &str, answer: &[u8], whole: &[u8]) {
    let outcome = server.ended().outcome;
    if name == "none" {
        assert_eq!(answer, whole);
        assert_eq!(outcome, "Complete");
    } else {
        assert_eq!(error_code(answer), ErrorCode::NOT_DEFINED.0, "{name}");
        assert_ne!(outcome, "Complete", "{name}");
    }
}

#[test]
fn whatever_panics_in_a_download_its_client_is_told_and_others_are_served() {
    let server = serve(config(), Panicking(Vec::new()));
    for name in ["open", "read_at", "release", "none"] {
        let client = Client::new(server.address);
        client.ask(&rrq(name, &[]));
        let (mut answer, tid) = client.receive();
        if ["release", "none"].contains(&name) {
            assert_eq!(answer, data(1, &[7; 512]), "{name}");
            client.send_to(tid, &ack(1));
            answer = client.receive().0;
        }
        if name == "none" {
            client.send_to(tid, &ack(2));
        }
        assert_end(&server, name, &answer, &data(2, &[7; 88]));
    }
}

#[test]
fn a_length_that_cannot_be_told_is_not_known() {
    let server = serve(config(), Panicking(Vec::new()));
    let client = Client::new(server.address);
    client.ask(&rrq("length", &[("tsize", "0")]));
    assert_eq!(client.receive().0, data(1, &[7; 512]));
}

#[test]
fn whatever_panics_in_an_upload_its_client_is_told_and_others_are_served() {
    let server = serve(config(), Panicking(Vec::new()));
    for name in ["create", "write", "commit", "none"] {
        let client = Client::new(server.address);
        client.ask(&wrq(name, &[]));
        let (mut answer, tid) = client.receive();
        if name != "create" {
            assert_eq!(answer, ack(0), "{name}");
            client.send_to(tid, &data(1, b"all"));
            answer = client.receive().0;
        }
        assert_end(&server, name, &answer, &ack(1));
    }
}
