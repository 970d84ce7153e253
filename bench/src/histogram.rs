//! A latency histogram with a fixed size and less than one percent of error.
//!
//! Buckets are logarithmic with 128 steps in each power of two, so recording is a shift and an increment and two
//! threads' histograms add up. It does not keep single values.

use std::time::Duration;

const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;
/// Powers of two above the linear start: reaches 2^40 ns, about 18 minutes.
const POWERS: usize = 33;

/// Counts of durations, in nanoseconds.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; STEPS * (POWERS + 1)], total: 0 }
    }
}

impl Histogram {
    /// Counts one duration; what is longer than the range counts as the longest.
    pub fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bucket_of(nanoseconds).min(self.counts.len() - 1);
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// Adds another thread's counts.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// How many durations were recorded.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The duration that `per_mille` of all recorded ones do not exceed, in microseconds; 0 when empty.
    #[must_use]
    pub fn quantile_us(&self, per_mille: u64) -> f64 {
        let rank = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle_of(bucket) / 1000.0;
            }
        }
        0.0
    }
}

fn bucket_of(nanoseconds: u64) -> usize {
    let power = (u64::BITS - nanoseconds.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = usize::try_from(nanoseconds >> power).unwrap_or(usize::MAX);
    (power as usize) * STEPS + step
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a bucket's middle is exact far beyond the histogram's own error"
)]
fn middle_of(bucket: usize) -> f64 {
    if bucket < 2 * STEPS {
        return bucket as f64;
    }
    let power = bucket / STEPS - 1;
    let step = bucket - power * STEPS;
    (step as f64 + 0.5) * (1_u64 << power) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_one_percent_of_the_truth() {
        let mut histogram = Histogram::default();
        for microseconds in 1..=100_000_u64 {
            histogram.record(Duration::from_micros(microseconds));
        }
        for (per_mille, truth) in [(500, 50_000.0), (990, 99_000.0), (1, 100.0)] {
            let found = histogram.quantile_us(per_mille);
            assert!((found - truth).abs() / truth < 0.01, "{per_mille}: {found} is not {truth}");
        }
    }

    #[test]
    fn merged_histograms_count_both_threads() {
        let (mut fast, mut slow) = (Histogram::default(), Histogram::default());
        fast.record(Duration::from_micros(10));
        slow.record(Duration::from_millis(10));
        fast.merge(&slow);
        assert_eq!(fast.len(), 2);
        assert!(fast.quantile_us(990) > 9_900.0);
    }

    #[test]
    fn a_duration_beyond_the_range_is_counted_and_not_lost() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(100_000));
        assert_eq!(histogram.len(), 1);
    }
}
