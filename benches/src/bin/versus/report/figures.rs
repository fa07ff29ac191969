//! Figures of one contender in one case.

use crate::{
    crowd::Crowd,
    plain::Shape,
    run::{Cell, Measurement, Outcome},
    stats::Spread,
};

const MIB: f64 = 1_048_576.0;
const GIB: f64 = MIB * 1_024.0;

impl Cell {
    /// MiB a second.
    pub(crate) fn speed(&self) -> Option<Spread> {
        Spread::of(
            self.measurements
                .iter()
                .filter(|measurement| measurement.bytes > 0)
                .map(|measurement| measurement.bytes as f64 / MIB / measurement.seconds),
        )
    }

    /// Seconds of the client's processor time for each GiB, over all rounds.
    pub(crate) fn client_cpu(&self) -> Option<f64> {
        self.per_gib(|measurement| Some(measurement.client_cpu))
    }

    /// The same of the server.
    pub(crate) fn server_cpu(&self) -> Option<f64> {
        self.per_gib(|measurement| measurement.server_cpu)
    }

    fn per_gib(&self, time: impl Fn(&Measurement) -> Option<f64>) -> Option<f64> {
        let times: Option<Vec<f64>> = self.measurements.iter().map(time).collect();
        let bytes: u64 = self.measurements.iter().map(|each| each.bytes).sum();
        (bytes > 0).then(|| times.map(|times| times.iter().sum::<f64>() * GIB / bytes as f64))?
    }

    /// What the server granted.
    pub(crate) fn granted(&self) -> Option<Shape> {
        self.measurements.last().map(|last| last.granted)
    }

    pub(crate) fn stalls(&self) -> u32 {
        self.measurements.iter().map(|each| each.stalls).sum()
    }

    /// A figure of the crowd, over the rounds.
    pub(crate) fn crowd(&self, figure: impl Fn(&Crowd) -> f64) -> Option<Spread> {
        let crowds = self
            .measurements
            .iter()
            .filter_map(|each| each.crowd.as_ref());
        Spread::of(crowds.map(figure).filter(|figure| figure.is_finite()))
    }

    /// Clients that failed, of how many in all.
    pub(crate) fn crowd_failed(&self) -> Option<(usize, usize)> {
        let crowds = self
            .measurements
            .iter()
            .filter_map(|each| each.crowd.as_ref());
        crowds
            .map(|crowd| (crowd.failed, crowd.clients))
            .reduce(|all, one| (all.0 + one.0, all.1 + one.1))
    }

    pub(crate) fn is_peer(&self) -> bool {
        self.kind.is_some_and(crate::host::Kind::is_peer)
    }
}

impl Outcome {
    /// Many clients at once.
    pub(crate) fn is_crowd(&self) -> bool {
        self.case.contains("clients")
    }

    /// Ours in two ways.
    pub(crate) fn is_pair(&self) -> bool {
        ["busy poll", "one port"]
            .iter()
            .any(|pair| self.case.contains(pair))
    }

    pub(crate) fn cell(&self, contender: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.contender == contender)
    }

    /// The peer for which `figure` is largest.
    pub(crate) fn best_peer(&self, figure: impl Fn(&Cell) -> Option<f64>) -> Option<(&Cell, f64)> {
        self.cells
            .iter()
            .filter(|cell| cell.is_peer())
            .filter_map(|cell| Some((cell, figure(cell)?)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }
}
