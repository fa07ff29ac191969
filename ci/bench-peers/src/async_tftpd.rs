//! `async-tftpd DIR`: the crate async-tftp as a server for DIR, reading and writing, on a loopback port that it prints.

use std::{
    env,
    error::Error,
    io::{Write as _, stdout},
};

use async_tftp::server::TftpServerBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = env::args().nth(1).ok_or("usage: async-tftpd DIR")?;
    let server = TftpServerBuilder::with_dir_rw(dir)?
        .bind("127.0.0.1:0".parse()?)
        .build()
        .await?;
    writeln!(stdout(), "listening on {}", server.listen_addr()?)?;
    Ok(server.serve().await?)
}
