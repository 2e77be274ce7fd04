//! Input latency over all desktops, for the histograms of `/metrics`.
//!
//! Each machine counts from 0 since its start (`display/src/latency.rs`). The increase since the last reading
//! is added here, so that the sums never decrease, also after a machine has ended.

use oriel_host::DesktopId;
use oriel_vmm_api::Description;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// Name of the metric.
const NAME: &str = "oriel_input_latency_seconds";

/// Latency of all desktops, summed over their machines' counters.
#[derive(Default)]
pub struct Latency(Mutex<Sums>);

/// Upper bounds of a machine's buckets in microseconds (`BOUNDS_US` in `display/src/latency.rs`). Others are
/// ignored, so a compromised machine cannot add any.
const BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

/// Counters of a machine, by stage and figure.
type Counters = BTreeMap<(&'static str, Figure), u64>;

/// Sums of all stages, and the last counters of each machine.
#[derive(Default)]
struct Sums {
    stages: BTreeMap<&'static str, Stage>,
    /// Last counters of each desktop's machine, with its process number.
    machines: HashMap<String, (u32, Counters)>,
}

/// Histogram of one stage of the latency.
#[derive(Default)]
struct Stage {
    /// Number of latencies by upper bound in microseconds, without those of smaller bounds.
    buckets: BTreeMap<u64, u64>,
    sum_us: u64,
    count: u64,
}

impl Latency {
    /// Adds the increase of the machines' counters. `up` lists all desktops with a machine; other machines
    /// are forgotten.
    pub fn add(&self, up: &[DesktopId], descriptions: Vec<Description>) {
        let sums = &mut *self.0.lock();
        for Description { id, pid, counters, .. } in descriptions {
            let (last_pid, before) = sums.machines.entry(id).or_default();
            if *last_pid != pid {
                (*last_pid, *before) = (pid, BTreeMap::new());
            }
            for (name, value) in counters {
                let Some((stage_name, figure)) = Figure::named(&name) else { continue };
                let last = before.insert((stage_name, figure), value).unwrap_or(0);
                let stage = sums.stages.entry(stage_name).or_default();
                let sum = match figure {
                    Figure::Bucket(bound) => stage.buckets.entry(bound).or_insert(0),
                    Figure::Sum => &mut stage.sum_us,
                    Figure::Count => &mut stage.count,
                };
                *sum = sum.saturating_add(value.saturating_sub(last));
            }
        }
        sums.machines.retain(|id, _| up.iter().any(|up| up.as_str() == id));
    }

    /// Formats the sums as histograms in Prometheus' text format.
    pub fn text(&self) -> String {
        let sums = self.0.lock();
        let mut text = format!(
            "# HELP {NAME} How long inputs took to become pictures, by stage, over desktops asked here.\n\
             # TYPE {NAME} histogram\n"
        );
        for (name, stage) in &sums.stages {
            let mut up_to_here = 0;
            // Writing to a String cannot fail.
            for (bound, count) in &stage.buckets {
                up_to_here += count;
                let le = *bound as f64 / 1e6;
                let _ = writeln!(text, "{NAME}_bucket{{stage=\"{name}\",le=\"{le}\"}} {up_to_here}");
            }
            let Stage { count, sum_us, .. } = stage;
            let _ = writeln!(text, "{NAME}_bucket{{stage=\"{name}\",le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "{NAME}_sum{{stage=\"{name}\"}} {}", *sum_us as f64 / 1e6);
            let _ = writeln!(text, "{NAME}_count{{stage=\"{name}\"}} {count}");
        }
        text
    }
}

/// Part of a stage's histogram that a counter counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Figure {
    Bucket(u64),
    Sum,
    Count,
}

impl Figure {
    /// Parses a counter's name into its stage and figure; `None` for other counters. Stages and bounds are
    /// fixed, and each figure has one name.
    fn named(counter: &str) -> Option<(&'static str, Self)> {
        const STAGES: [&str; 4] = ["input_to_guest", "guest_to_flush", "flush_to_sent", "sent_to_presented"];
        let rest = counter.strip_prefix("latency_")?;
        let (stage, figure) = STAGES.iter().find_map(|stage| Some((*stage, rest.strip_prefix(stage)?)))?;
        let figure = match figure {
            "_sum_us" => Self::Sum,
            "_count" => Self::Count,
            bucket => {
                let text = bucket.strip_prefix("_to_")?.strip_suffix("_us")?;
                Self::Bucket(*BOUNDS_US.iter().find(|bound| bound.to_string() == text)?)
            }
        };
        Some((stage, figure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_vmm_api::{Accel, MachineKind, RunState};

    fn machine(id: &str, pid: u32, counters: [u64; 4]) -> Description {
        let names = ["to_500_us", "to_250_us", "sum_us", "count"];
        let counters =
            names.iter().zip(counters).map(|(name, n)| (format!("latency_flush_to_sent_{name}"), n));
        Description {
            version: 1,
            id: id.into(),
            pid,
            machine: MachineKind::Kvm,
            accel: Accel::Kvm,
            state: RunState::Running,
            reason: None,
            uptime_s: 1,
            cpus: 1,
            memory_mib: 128,
            screen: None,
            viewers: 0,
            agents: Default::default(),
            counters: counters.chain([("frames".into(), 7)]).collect(),
            jail: Default::default(),
        }
    }

    #[test]
    fn what_machines_count_is_summed_and_never_shrinks() {
        let latency = Latency::default();
        let both = ["a", "b"].map(|id| DesktopId::new(id).unwrap());
        latency.add(&both, vec![machine("a", 1, [2, 3, 1500, 6]), machine("b", 2, [1, 0, 400, 1])]);
        latency.add(&both, vec![machine("a", 1, [2, 4, 1600, 7])]);
        latency.add(&both[..1], vec![machine("a", 9, [1, 0, 300, 1])]);
        latency.add(&[], vec![]);
        let text = latency.text();
        for line in [
            "# TYPE oriel_input_latency_seconds histogram",
            "oriel_input_latency_seconds_bucket{stage=\"flush_to_sent\",le=\"0.00025\"} 4",
            "oriel_input_latency_seconds_bucket{stage=\"flush_to_sent\",le=\"0.0005\"} 8",
            "oriel_input_latency_seconds_bucket{stage=\"flush_to_sent\",le=\"+Inf\"} 9",
            "oriel_input_latency_seconds_sum{stage=\"flush_to_sent\"} 0.0023",
            "oriel_input_latency_seconds_count{stage=\"flush_to_sent\"} 9",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("frames"));
    }

    #[test]
    fn a_hostile_machine_adds_no_series_and_no_memory() {
        let latency = Latency::default();
        let desktop = [DesktopId::new("a").unwrap()];
        for pid in 0..100u32 {
            let mut hostile = machine("a", pid, [1, 1, 1, 1]);
            let name = |bound: u32| format!("latency_flush_to_sent_to_{bound}_us");
            hostile.counters.extend((0..100).map(|i| (name(pid * 100 + i + 3_000_000), 1)));
            hostile.counters.extend(
                (0..100).map(|zeros| (format!("latency_flush_to_sent_to_{:0>1$}_us", 500, zeros + 4), 1)),
            );
            latency.add(&desktop, vec![hostile]);
        }
        let lines = latency.text().lines().count();
        assert!(lines < 20, "{lines} lines");
        let sums = latency.0.lock();
        assert_eq!(sums.machines.len(), 1, "a desktop has one machine");
        let remembered: usize = sums.machines.values().map(|(_, counters)| counters.len()).sum();
        assert!(remembered < 60, "{remembered} counters");
    }
}
