//! The standard streams, used such that one that is closed is found out: the library's own take what is
//! written to it for written, and what is read from it for an empty file.

use std::io::{self, Read, Write};

/// The standard output.
///
/// # Errors
/// If it is closed.
pub(crate) fn output() -> io::Result<impl Write> {
    open(io::stdout())
}

/// The standard input.
///
/// # Errors
/// If it is closed.
pub(crate) fn input() -> io::Result<impl Read + Send + 'static> {
    open(io::stdin())
}

#[cfg(unix)]
fn open(stream: impl std::os::fd::AsFd) -> io::Result<std::fs::File> {
    let file = std::fs::File::from(stream.as_fd().try_clone_to_owned()?);
    if is_stand_in(&file)? {
        let text = "closed, or a /dev/null that is open for both reading and writing";
        return Err(io::Error::new(io::ErrorKind::NotConnected, text));
    }
    Ok(file)
}

/// Before `main`, Rust's runtime opens `/dev/null` for reading and writing in the place of a standard
/// stream that is closed. Whoever wants to throw an output away usually opens it for writing alone.
#[cfg(unix)]
fn is_stand_in(file: &std::fs::File) -> io::Result<bool> {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use rustix::fs::{OFlags, fcntl_getfl};

    let found = file.metadata()?;
    if !found.file_type().is_char_device() || fcntl_getfl(file)? & OFlags::ACCMODE != OFlags::RDWR {
        return Ok(false);
    }
    let null = std::fs::metadata("/dev/null")?;
    Ok(found.rdev() == null.rdev())
}

#[cfg(not(unix))]
fn open<S>(stream: S) -> io::Result<S> {
    Ok(stream)
}
