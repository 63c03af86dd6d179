//! Durations, counted in buckets that are at most 1/128 wide: cheap to add to, and exact enough.
use std::time::Duration;

/// Buckets to a power of two.
const FINE: u32 = 7;
const WIDTH: usize = 1 << FINE;
/// Up to 2^42 ns, some 73 minutes; what is longer counts as that.
const POWERS: usize = 42 - FINE as usize;

/// How long things took.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; WIDTH * (POWERS + 1)], total: 0, longest: 0 }
    }
}

impl Histogram {
    /// One more.
    pub fn add(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bucket(nanos).min(self.counts.len() - 1);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.total += 1;
        self.longest = self.longest.max(nanos);
    }
    /// All that another counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }
    /// How many were counted.
    pub const fn total(&self) -> u64 {
        self.total
    }
    /// The longest.
    pub const fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }
    /// What `permille` of 1,000 took at most: 500 is the median.
    pub fn quantile(&self, permille: u64) -> Duration {
        let rank = (self.total * permille).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(upper(index).min(self.longest));
            }
        }
        self.longest()
    }
}

fn bucket(nanos: u64) -> usize {
    let power = (u64::BITS - nanos.leading_zeros()).saturating_sub(FINE + 1);
    // Below 2^8 the number itself; above, its leading eight bits and where they stand.
    let lead = usize::try_from(nanos >> power).unwrap_or(usize::MAX);
    lead + power as usize * WIDTH
}

/// The largest duration that counts in a bucket.
fn upper(index: usize) -> u64 {
    let power = (index / WIDTH).saturating_sub(1);
    let lead = index - power * WIDTH;
    (((lead as u64) + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_it_says_within_one_percent() {
        for nanos in
            (0..4_000).chain((12..41).flat_map(|n| [1 << n, (1 << n) + 12_345, (1 << n) - 1]))
        {
            let upper = upper(bucket(nanos));
            assert!(nanos <= upper && upper - nanos <= nanos / 128, "{nanos} in {upper}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut histogram = Histogram::default();
        for micros in 1..=1_000 {
            histogram.add(Duration::from_micros(micros));
        }
        let near = |permille, micros: u64| {
            let found = histogram.quantile(permille).as_nanos();
            let wanted = u128::from(micros) * 1_000;
            assert!(found >= wanted && found - wanted <= wanted / 100, "{permille}: {found}");
        };
        near(500, 500);
        near(990, 990);
        near(999, 999);
        assert_eq!(histogram.quantile(1_000), Duration::from_millis(1));
        let mut both = histogram.clone();
        both.merge(&histogram);
        assert_eq!((both.total(), both.longest()), (2_000, Duration::from_millis(1)));
    }
}
