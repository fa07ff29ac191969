//! One transfer from the command line.

use core::sync::atomic::AtomicBool;
use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use tftp_client::{
    Cancel, Client, FileSource, Request, Sink, Source, StagedFile, StdIo, Summary, Window, resolve,
};
use tftp_proto::uri::Uri;

use crate::{
    args::{Args, Command},
    bar::Bar,
    failure::{Attempt, Failure},
    input::Input,
    standard,
};

/// Octets gathered for the standard output.
const OUTPUT_BUFFER: usize = 256 << 10;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (Command::Get { url, .. } | Command::Put { url, .. }) = &args.command;
    let uri = Uri::parse(url).map_err(|error| Failure::usage(format_args!("{url}: {error}")))?;
    let cancel = interruptible().map_err(|error| Failure::local("signals", &error))?;
    match &args.command {
        Command::Get { output, .. } => {
            let output = match output {
                Some(output) => output.clone(),
                None => default_output(&uri, url)?,
            };
            get(args, url, &uri, &output, cancel)
        }
        Command::Put { file, .. } => put(args, url, &uri, file, cancel),
    }
}

/// A handle that SIGINT and SIGTERM set. The second one kills, as without it a name server that does not
/// answer could not be escaped.
fn interruptible() -> io::Result<Cancel> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&flag))?;
        flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag.into())
}

/// The last part of the path, whichever slash it is written with.
fn default_output(uri: &Uri<'_>, url: &str) -> Result<PathBuf, Failure> {
    let name = uri
        .file()
        .rsplit(|octet| matches!(octet, b'/' | b'\\'))
        .next();
    match name.map(core::str::from_utf8) {
        Some(Ok(name)) if !matches!(name, "" | "." | ".." | "-") => Ok(PathBuf::from(name)),
        _ => Err(Failure::usage(format_args!(
            "{url}: no file name at the end, say where to store it with -o"
        ))),
    }
}

fn get(
    args: &Args,
    url: &str,
    uri: &Uri<'_>,
    output: &Path,
    cancel: Cancel,
) -> Result<(), Failure> {
    if output == Path::new("-") {
        let stdout =
            standard::output().map_err(|error| Failure::local("standard output", &error))?;
        let mut sink = StdIo(BufWriter::with_capacity(OUTPUT_BUFFER, stdout));
        return fetch(args, url, uri, &mut sink, cancel);
    }
    let mut sink =
        StagedFile::create(output).map_err(|error| Failure::local(output.display(), &error))?;
    fetch(args, url, uri, &mut sink, cancel)
}

fn put(args: &Args, url: &str, uri: &Uri<'_>, file: &Path, cancel: Cancel) -> Result<(), Failure> {
    if file == Path::new("-") {
        let stdin = standard::input().map_err(|error| Failure::local("standard input", &error))?;
        let input = Input::new(stdin, cancel.clone());
        return store(args, url, uri, &mut Window::growing(input), cancel);
    }
    let unreadable = |error| Failure::local(file.display(), &error);
    let mut opened = File::open(file).map_err(unreadable)?;
    let found = opened.metadata().map_err(unreadable)?;
    let has_length = if found.is_file() && found.len() == 0 {
        is_empty(&mut opened).map_err(unreadable)?
    } else {
        found.is_file() || found.is_dir()
    };
    if has_length {
        let mut source = FileSource::new(opened).map_err(unreadable)?;
        store(args, url, uri, &mut source, cancel)
    } else {
        // A pipe or a device has no length, and is read once.
        let mut source = Window::growing(StdIo(opened));
        store(args, url, uri, &mut source, cancel)
    }
}

/// Whether there is nothing in a file that says so: those of a `/proc` are made when they are read, and
/// have no length before.
fn is_empty(file: &mut File) -> io::Result<bool> {
    let read = loop {
        match file.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    file.rewind()?;
    Ok(read == 0)
}

fn fetch<S: Sink<Error = io::Error>>(
    args: &Args,
    url: &str,
    uri: &Uri<'_>,
    sink: &mut S,
    cancel: Cancel,
) -> Result<(), Failure> {
    transfer(args, url, uri, cancel, |client, request, bar| {
        client.get(request, sink).map_err(|error| {
            let bytes = bar.bytes();
            Failure::transfer(url, Attempt::Get { bytes }, &error, S::code)
        })
    })
}

fn store<S: Source>(
    args: &Args,
    url: &str,
    uri: &Uri<'_>,
    source: &mut S,
    cancel: Cancel,
) -> Result<(), Failure>
where
    S::Error: core::fmt::Display,
{
    transfer(args, url, uri, cancel, |client, request, bar| {
        client.put(request, source).map_err(|error| {
            let bytes = bar.bytes();
            Failure::transfer(url, Attempt::Put { bytes }, &error, S::code)
        })
    })
}

fn transfer(
    args: &Args,
    url: &str,
    uri: &Uri<'_>,
    cancel: Cancel,
    run: impl FnOnce(&mut Client<'_>, Request<'_>, &Bar) -> Result<Summary, Failure>,
) -> Result<(), Failure> {
    let options = args.command.options();
    let mode = options.mode.map_or(uri.mode(), Into::into);
    let request = Request::new(uri.file(), mode)
        .map_err(|error| Failure::usage(format_args!("{url}: {error}")))?;
    let servers = resolve(&uri.host().to_string(), uri.port())
        .map_err(|error| Failure::unknown_host(uri.host(), &error))?;
    let bar = Bar::new(url, options.quiet);
    let client = Client::of_servers(servers)
        .cancel(cancel)
        .progress(|progress| bar.update(progress));
    let result = run(&mut options.configure(client), request, &bar);
    bar.conclude(url, result.as_ref().ok());
    result.map(|_| ())
}
