//! What a load run counted, and the one JSON line that says so.

use std::fmt::Write as _;
use std::time::Duration;

use crate::histogram::Histogram;

/// Counts of one thread, or of all of them after [`Tally::merge`].
#[derive(Default)]
pub struct Tally {
    /// Answers with status 200 that arrived whole.
    pub requests: u64,
    /// Failures by what went wrong, e.g. `status 502`, `closed early`.
    pub errors: std::collections::BTreeMap<String, u64>,
    /// Content chunks of streams.
    pub chunks: u64,
    /// Streams that ended with `[DONE]` and brought every chunk that their model promises.
    pub whole_streams: u64,
    /// From the first byte written to the last byte read.
    pub latency: Histogram,
    /// From the first byte written to the first content chunk.
    pub first_chunk: Histogram,
    /// Of each stream the longest wait for one of its pieces, the first included.
    pub longest_gap: Histogram,
}

impl Tally {
    /// Counts one failure.
    pub fn fail(&mut self, what: String) {
        *self.errors.entry(what).or_default() += 1;
    }

    /// Adds another thread's counts.
    pub fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.chunks += other.chunks;
        self.whole_streams += other.whole_streams;
        self.latency.merge(&other.latency);
        self.first_chunk.merge(&other.first_chunk);
        self.longest_gap.merge(&other.longest_gap);
        for (what, count) in other.errors {
            *self.errors.entry(what).or_default() += count;
        }
    }

    /// One JSON object on one line; `elapsed` is the wall time of the run.
    #[must_use]
    pub fn to_json(&self, elapsed: Duration) -> String {
        let mut errors = String::new();
        for (what, count) in &self.errors {
            let separator = if errors.is_empty() { "" } else { "," };
            // What went wrong is our own wording and holds neither quotes nor backslashes.
            write!(errors, "{separator}\"{what}\":{count}").expect("writing to a String cannot fail");
        }
        format!(
            concat!(
                "{{\"requests\":{},\"seconds\":{:.3},\"p50_us\":{:.1},\"p99_us\":{:.1},\"chunks\":{},",
                "\"whole_streams\":{},\"first_chunk_p50_us\":{:.1},\"first_chunk_p99_us\":{:.1},",
                "\"longest_gap_p50_us\":{:.1},\"longest_gap_p99_us\":{:.1},\"errors\":{{{}}}}}"
            ),
            self.requests,
            elapsed.as_secs_f64(),
            self.latency.quantile_us(500),
            self.latency.quantile_us(990),
            self.chunks,
            self.whole_streams,
            self.first_chunk.quantile_us(500),
            self.first_chunk.quantile_us(990),
            self.longest_gap.quantile_us(500),
            self.longest_gap.quantile_us(990),
            errors,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_every_kind_of_failure_with_its_count() {
        let (mut one, mut two) = (Tally::default(), Tally::default());
        one.fail("status 502".into());
        two.fail("status 502".into());
        two.fail("closed early".into());
        one.merge(two);
        let line = one.to_json(Duration::from_secs(1));
        assert!(line.ends_with(r#""errors":{"closed early":1,"status 502":2}}"#), "{line}");
    }
}
