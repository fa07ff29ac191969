//! A server from before options: it answers a request that has some with an ERROR, as old boot servers do.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const BLOCK: usize = 512;
const TICK: Duration = Duration::from_millis(100);

/// The server, which serves one client at a time and never repeats anything. It ends with this value.
pub struct Plain {
    socket: Arc<UdpSocket>,
    over: Arc<AtomicBool>,
}

impl Plain {
    /// Serves the files of a directory. Requests with options for names that end with `refused` are answered with an
    /// ERROR; of others the options are passed over.
    ///
    /// # Errors
    /// If there is no socket to be had.
    pub fn start(root: PathBuf, refused: &'static str) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
        socket.set_read_timeout(Some(TICK))?;
        let over = Arc::new(AtomicBool::new(false));
        let (served, end) = (socket.clone(), over.clone());
        thread::spawn(move || {
            let mut file = Vec::new();
            let mut buf = [0; 1024];
            while !end.load(Ordering::Relaxed) {
                if let Ok((len, from)) = served.recv_from(&mut buf) {
                    let datagram = buf.get(..len).unwrap_or_default();
                    if let Some(reply) = answer(&root, refused, &mut file, datagram) {
                        // What cannot be sent is lost.
                        let _ = served.send_to(&reply, from);
                    }
                }
            }
        });
        Ok(Self { socket, over })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the socket is gone.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn answer(root: &Path, refused: &str, file: &mut Vec<u8>, datagram: &[u8]) -> Option<Vec<u8>> {
    match datagram {
        [0, 1, rest @ ..] => {
            let words: Vec<&[u8]> = rest.split(|octet| *octet == 0).collect();
            // Name, mode, and what is after each option's last zero.
            let [name, _, options @ .., _] = words.as_slice() else {
                return None;
            };
            let name = String::from_utf8_lossy(name);
            if !options.is_empty() && name.ends_with(refused) {
                return Some(b"\0\x05\0\x08no options here\0".to_vec());
            }
            *file = fs::read(root.join(&*name)).ok()?;
            Some(data(file, 1))
        }
        [0, 4, high, low] => {
            let acked = usize::from(u16::from_be_bytes([*high, *low]));
            (acked * BLOCK <= file.len()).then(|| data(file, acked + 1))
        }
        _ => None,
    }
}

fn data(file: &[u8], block: usize) -> Vec<u8> {
    let start = (block - 1) * BLOCK;
    let end = (start + BLOCK).min(file.len());
    let [.., high, low] = block.to_be_bytes();
    let mut datagram = vec![0, 3, high, low];
    datagram.extend_from_slice(file.get(start..end).unwrap_or_default());
    datagram
}
