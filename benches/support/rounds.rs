//! Ours between two of what it is compared with, in rounds that take turns: disks
//! and neighbours change their speed while one looks.

use std::time::{Duration, Instant};

/// A B A triples that count; a ratio is their median.
pub(crate) const TRIPLES: usize = 7;

/// Latencies and throughput of one measurement.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) p50: Duration,
    p99: Duration,
    pub(crate) per_second: f64,
}

impl Measured {
    /// Of calls that took these times and began together.
    pub(crate) fn of(mut times: Vec<Duration>, begun: Instant) -> Self {
        let per_second = times.len() as f64 / begun.elapsed().as_secs_f64();
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        Self { p50: at(50), p99: at(99), per_second }
    }

    /// The time of a call, as far as the server lets others be answered meanwhile.
    pub(crate) fn time_each(&self) -> f64 {
        1.0 / self.per_second
    }
}

/// A B A, several times. The first warms up and is not counted.
#[derive(Default)]
pub(crate) struct Rounds {
    pub(crate) before: Vec<Measured>,
    pub(crate) ours: Vec<Measured>,
    pub(crate) after: Vec<Measured>,
}

impl Rounds {
    /// `own` beside `beside`: what both took, and the ratio of their `cost`.
    pub(crate) fn print(&self, what: &str, beside: &str, own: &str, goal: f64, cost: fn(&Measured) -> f64) {
        let ratios = self.ours.iter().enumerate().skip(1).map(|(round, ours)| {
            cost(ours) / f64::midpoint(cost(&self.before[round]), cost(&self.after[round]))
        });
        let raw = self.before.iter().skip(1).chain(self.after.iter().skip(1));
        for (name, all) in [(beside, raw.collect::<Vec<_>>()), (own, self.ours.iter().skip(1).collect())] {
            println!(
                "{what}: {name:<16} p50 {:>7.1} us, p99 {:>8.1} us, {:>6.0}/s",
                median(all.iter().map(|it| micros(it.p50))),
                median(all.iter().map(|it| micros(it.p99))),
                median(all.iter().map(|it| it.per_second)),
            );
        }
        println!("{what}: {:.2} times the cost of {beside} (goal {goal})", median(ratios));
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
