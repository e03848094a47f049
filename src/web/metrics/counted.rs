//! What this process has counted, as OpenMetrics has it: counters and histograms, which begin
//! anew with the process.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::tally::{Counts, Histogram};

type Labels = Vec<(&'static str, &'static str)>;

/// The counts, under the names of their kinds.
#[derive(Debug)]
pub(super) struct Counted(pub(super) Counts);

impl Collector for Counted {
    fn encode(&self, mut page: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Counts { passes, lease, calls } = &self.0;
        histograms(
            &mut page,
            "tick_duration",
            "How long passes of this process's engine took, by how they ended.",
            passes.iter().map(|(pass, durations)| (vec![("ended", pass.as_str())], durations)),
        )?;
        counters(
            &mut page,
            "lease_changes",
            "How often this process began to drive, and lost that.",
            lease.iter().map(|(change, count)| (vec![("change", change.as_str())], *count)),
        )?;
        counters(
            &mut page,
            "upstream_calls",
            "Calls that this process made, by whom it called and what came of it.",
            calls.iter().flat_map(|(upstream, calls)| {
                calls.outcomes.iter().map(|(outcome, count)| {
                    (vec![("upstream", upstream.as_str()), ("outcome", outcome.as_str())], *count)
                })
            }),
        )?;
        histograms(
            &mut page,
            "upstream_call_duration",
            "How long these calls took, whatever came of them.",
            calls.iter().map(|(upstream, calls)| (vec![("upstream", upstream.as_str())], &calls.durations)),
        )
    }
}

fn counters(
    page: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, u64)>,
) -> Result<(), Error> {
    let mut family = page.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    Ok(())
}

fn histograms<'a>(
    page: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, &'a Histogram)>,
) -> Result<(), Error> {
    let mut family = page.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    for (labels, it) in values {
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            it.seconds(),
            it.count(),
            &it.buckets(),
            None,
        )?;
    }
    Ok(())
}
