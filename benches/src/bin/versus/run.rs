//! Rounds: every contender of a case has its turn in each, so that what the machine does besides hits all alike.

use core::time::Duration;
use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use crate::{
    Failed,
    cases::{Case, Contender, Driver},
    content, crowd,
    crowd::Crowd,
    host::{Host, Kind},
    meter::{Cpu, Memory, thread_cpu},
    ours, plain,
    plain::{Shape, Transfer},
    raw,
    raw::Way,
};

/// Transfers in one measurement, at the most.
const MOST_TRANSFERS: u32 = 64;
/// A contender that failed so often in a case is not tried again in it.
const MOST_FAILURES: usize = 2;

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    /// A measurement repeats its transfer until they took so long together.
    pub(crate) least: Duration,
}

/// One or more transfers of one contender, back to back.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    /// Processor time of either end, in seconds; the server's is not known if its processes have ended.
    pub(crate) client_cpu: f64,
    pub(crate) server_cpu: Option<f64>,
    pub(crate) transfers: u32,
    pub(crate) stalls: u32,
    pub(crate) granted: Shape,
    pub(crate) crowd: Option<Crowd>,
}

/// What a contender did in a case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) contender: String,
    #[serde(skip)]
    pub(crate) kind: Option<Kind>,
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) failures: Vec<String>,
    /// The most memory that the server's (first) process had, in KiB.
    pub(crate) server_peak_memory: u64,
}

/// A case with what became of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) case: String,
    pub(crate) shape: Shape,
    pub(crate) file_len: u64,
    pub(crate) unix_time: u64,
    pub(crate) cells: Vec<Cell>,
}

/// Runs all rounds of a case. The servers are started for it, below `base`, and ended with it.
pub(crate) fn run(case: &Case, effort: Effort, base: &Path) -> Outcome {
    let mut cells: Vec<Cell> = case.contenders.iter().map(Cell::new).collect();
    let mut hosts: Vec<Option<Host>> = case
        .contenders
        .iter()
        .zip(&mut cells)
        .map(|(contender, cell)| cell.keep(Host::start(contender.kind, base)))
        .collect();
    for round in 0..effort.rounds as usize {
        // Each round begins with another one.
        for turn in 0..cells.len() {
            let index = (round + turn) % cells.len();
            let (Some(contender), Some(cell), Some(Some(host))) = (
                case.contenders.get(index),
                cells.get_mut(index),
                hosts.get_mut(index),
            ) else {
                continue;
            };
            if cell.failures.len() >= MOST_FAILURES {
                continue;
            }
            let result = measure(case, contender, host, effort.least);
            let result = result.map_err(|failed| host.explain(failed));
            if let Some(measurement) = cell.keep(result) {
                cell.add(measurement);
            }
            cell.server_peak_memory = Memory::of(host.id()).peak.max(cell.server_peak_memory);
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Outcome {
        case: case.name.clone(),
        shape: case.shape,
        file_len: case.len,
        unix_time: now.map_or(0, |now| now.as_secs()),
        cells,
    }
}

impl Cell {
    fn new(contender: &Contender) -> Self {
        Self {
            contender: contender.name.to_owned(),
            kind: Some(contender.kind),
            measurements: Vec::new(),
            failures: Vec::new(),
            server_peak_memory: 0,
        }
    }

    fn keep<T>(&mut self, result: Result<T, Failed>) -> Option<T> {
        result
            .map_err(|failed| self.failures.push(failed.to_string()))
            .ok()
    }

    /// Adds a measurement; one in which some clients failed counts as a failure too.
    fn add(&mut self, measurement: Measurement) {
        if let Some(crowd) = &measurement.crowd
            && crowd.failed > 0
        {
            self.failures.push(format!(
                "{} of {} clients failed: {}",
                crowd.failed,
                crowd.clients,
                crowd.reason.as_deref().unwrap_or_default()
            ));
        }
        self.measurements.push(measurement);
    }
}

fn measure(
    case: &Case,
    contender: &Contender,
    host: &Host,
    least: Duration,
) -> Result<Measurement, Failed> {
    if let Driver::Crowd(clients) = contender.driver {
        return gather(case, contender, host, clients);
    }
    if case.way == Way::Get && contender.kind != Kind::Bare {
        host.offer(case.len)?;
    }
    let mut sum = Measurement {
        bytes: 0,
        seconds: 0.0,
        client_cpu: 0.0,
        server_cpu: Some(0.0),
        transfers: 0,
        stalls: 0,
        granted: case.shape,
        crowd: None,
    };
    while sum.seconds < least.as_secs_f64() && sum.transfers < MOST_TRANSFERS {
        let mut meters = Meters::start(host.id());
        let transfer = match case.way {
            Way::Get => get(case, contender, host, &mut meters)?,
            Way::Put => put(case, contender, host, sum.transfers, &mut meters)?,
        };
        sum.bytes += case.len;
        sum.seconds += transfer.elapsed.as_secs_f64();
        sum.client_cpu += meters.client;
        sum.server_cpu = sum.server_cpu.map(|time| time + meters.server);
        sum.transfers += 1;
        sum.stalls += transfer.stalls;
        sum.granted = transfer.granted;
    }
    Ok(sum)
}

/// Processor time of both ends.
struct Meters {
    process: u32,
    server_before: Cpu,
    client_before: f64,
    server: f64,
    client: f64,
}

impl Meters {
    fn start(process: u32) -> Self {
        Self {
            process,
            server_before: Cpu::of(process),
            client_before: thread_cpu(),
            server: 0.0,
            client: 0.0,
        }
    }

    fn stop(&mut self) {
        self.client = thread_cpu() - self.client_before;
        self.server = Cpu::of(self.process).since(&self.server_before);
    }
}

fn get(
    case: &Case,
    contender: &Contender,
    host: &Host,
    meters: &mut Meters,
) -> Result<Transfer, Failed> {
    let (addr, shape, len) = (host.addr, case.shape, case.len);
    if let Driver::Raw(client, server) = contender.driver {
        let result = raw::run(addr, Way::Get, (client, server), shape, len);
        meters.stop();
        return result;
    }
    let name = host.offer(len)?;
    match contender.driver {
        Driver::Ours { busy_poll } => {
            let result = ours::get(addr, &name, shape, len, busy_poll);
            meters.stop();
            result
        }
        _ => plain::get(addr, &name, shape, len, || meters.stop()),
    }
}

fn put(
    case: &Case,
    contender: &Contender,
    host: &Host,
    number: u32,
    meters: &mut Meters,
) -> Result<Transfer, Failed> {
    let (addr, shape, len) = (host.addr, case.shape, case.len);
    let name = format!("upload-{number}");
    let result = match contender.driver {
        Driver::Raw(client, server) => raw::run(addr, Way::Put, (client, server), shape, len),
        Driver::Ours { busy_poll } => ours::put(addr, &name, shape, len, busy_poll),
        _ => plain::put(addr, &name, shape, len),
    };
    meters.stop();
    let path = host.path(&name);
    if result.is_ok() && contender.kind != Kind::Bare {
        content::check_file(&path, len)?;
    }
    match fs::remove_file(&path) {
        Err(error) if contender.kind != Kind::Bare && result.is_ok() => Err(error.into()),
        _ => result,
    }
}

fn gather(
    case: &Case,
    contender: &Contender,
    host: &Host,
    clients: usize,
) -> Result<Measurement, Failed> {
    let name = host.offer(case.len)?;
    let mut meters = Meters::start(host.id());
    let crowd = crowd::run(host.addr, (&name, case.len), case.shape, clients, host.id())?;
    meters.stop();
    let done = crowd.clients - crowd.failed;
    Ok(Measurement {
        bytes: done as u64 * case.len,
        seconds: crowd.max,
        client_cpu: meters.client,
        server_cpu: (!contender.kind.forks()).then_some(meters.server),
        transfers: done as u32,
        stalls: crowd.stalls,
        granted: case.shape,
        crowd: Some(crowd),
    })
}
