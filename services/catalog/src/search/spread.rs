//! How what matches spreads over categories, authors, genres, prices and stock: one walk over
//! the columns of the index. Names have small numbers, so that counting is adding in an array.
use contracts::catalog::PriceCount;
use std::cmp::Reverse;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

/// At most so many of each kind are told.
const MOST: usize = 20;

/// How matches spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// The numbers of the most frequent categories, with how many matches they have.
    pub categories: Vec<(i64, u64)>,
    /// The same of authors.
    pub authors: Vec<(i64, u64)>,
    /// The same of genres.
    pub genres: Vec<(i64, u64)>,
    /// By price, the lowest first.
    pub prices: Vec<PriceCount>,
    /// How many can be ordered.
    pub in_stock: u64,
}

impl Spread {
    /// How much memory it takes, about.
    pub fn weight(&self) -> usize {
        let names = [&self.categories, &self.authors, &self.genres];
        let names: usize = names.into_iter().map(Vec::capacity).sum();
        200 + names * 16 + self.prices.capacity() * 32
    }
}

/// Counts all that matches.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

/// The columns of names, in the order in which they are counted.
const NAMES: [&str; 3] = ["categories", "authors", "genres"];

/// What was counted in a part of the index.
#[derive(Default)]
pub struct Counted {
    /// By number, for each of [`NAMES`].
    names: [Vec<u32>; 3],
    /// By place in the finest [`Steps`].
    prices: Vec<u32>,
    in_stock: u32,
}

/// Counts in a segment.
pub struct CountingSegment {
    names: [Column<u64>; 3],
    price: Column<i64>,
    in_stock: Column<bool>,
    steps: Vec<i64>,
    counted: Counted,
}

impl SegmentCollector for CountingSegment {
    type Fruit = Counted;

    fn collect(&mut self, doc: DocId, _: Score) {
        for (column, counts) in self.names.iter().zip(&mut self.counted.names) {
            for number in column.values_for_doc(doc) {
                if let Some(count) = usize::try_from(number).ok().and_then(|n| counts.get_mut(n)) {
                    *count += 1;
                }
            }
        }
        if let Some(price) = self.price.first(doc) {
            let place = self.steps.partition_point(|step| *step <= price);
            if let Some(count) = place.checked_sub(1).and_then(|n| self.counted.prices.get_mut(n)) {
                *count += 1;
            }
        }
        self.counted.in_stock += u32::from(self.in_stock.first(doc).unwrap_or(false));
    }
    fn harvest(self) -> Counted {
        self.counted
    }
}

impl Collector for Counting {
    type Fruit = Spread;
    type Child = CountingSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<CountingSegment> {
        let fast = segment.fast_fields();
        let mut columns = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            // A segment in which no product has such a name has no such column.
            let column = fast.column_opt::<u64>(name)?;
            columns.push(column.unwrap_or_else(|| Column::build_empty_column(segment.max_doc())));
        }
        let names: [Column<u64>; 3] = columns
            .try_into()
            .map_err(|_| tantivy::TantivyError::InternalError("three columns".to_owned()))?;
        let room = |column: &Column<u64>| {
            let most = if column.values.num_vals() == 0 { 0 } else { column.max_value() };
            vec![0; usize::try_from(most).unwrap_or(0).saturating_add(1)]
        };
        let steps = steps(&FINE);
        let counted = Counted {
            names: [room(&names[0]), room(&names[1]), room(&names[2])],
            prices: vec![0; steps.len()],
            in_stock: 0,
        };
        let (price, in_stock) = (fast.i64("min_price")?, fast.bool("in_stock")?);
        Ok(CountingSegment { names, price, in_stock, steps, counted })
    }
    fn requires_scoring(&self) -> bool {
        false
    }
    fn merge_fruits(&self, parts: Vec<Counted>) -> tantivy::Result<Spread> {
        let mut all = Counted::default();
        for part in parts {
            for (sum, counts) in all.names.iter_mut().zip(&part.names) {
                add(sum, counts);
            }
            add(&mut all.prices, &part.prices);
            all.in_stock += part.in_stock;
        }
        let [categories, authors, genres] = all.names.map(|counts| most_frequent(&counts));
        let prices = ranges(&all.prices);
        Ok(Spread { categories, authors, genres, prices, in_stock: u64::from(all.in_stock) })
    }
}

fn add(sum: &mut Vec<u32>, counts: &[u32]) {
    if sum.len() < counts.len() {
        sum.resize(counts.len(), 0);
    }
    for (sum, count) in sum.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// The numbers that were counted most often; of equals, the smaller number.
fn most_frequent(counts: &[u32]) -> Vec<(i64, u64)> {
    let counted = (0_i64..).zip(counts).filter(|(_, count)| **count > 0);
    let mut counted: Vec<(Reverse<u32>, i64)> =
        counted.map(|(number, count)| (Reverse(*count), number)).collect();
    if counted.len() > MOST {
        counted.select_nth_unstable(MOST);
        counted.truncate(MOST);
    }
    counted.sort_unstable();
    counted.into_iter().map(|(Reverse(count), number)| (number, u64::from(count))).collect()
}

/// Where ranges of prices begin within a power of ten, in tenths: the finest first.
const FINE: [i64; 6] = [10, 15, 20, 30, 50, 70];
const COARSE: [i64; 3] = [10, 20, 50];
const COARSEST: [i64; 1] = [10];
/// The last power of ten in which a range begins: no price is higher.
const HIGHEST: i64 = 1_000_000_000_000_000;

/// Where ranges begin: 0, 10, 15, 20, … in the finest steps.
fn steps(within: &[i64]) -> Vec<i64> {
    let mut steps = vec![0];
    let mut tenth = 1;
    while tenth * 10 <= HIGHEST {
        steps.extend(within.iter().map(|step| step * tenth));
        tenth *= 10;
    }
    steps
}

/// The ranges that have matches, in the finest steps that give no more than [`MOST`].
fn ranges(fine: &[u32]) -> Vec<PriceCount> {
    let starts = steps(&FINE);
    let in_steps = |within: &[i64]| {
        let wider = steps(within);
        let mut counts = vec![0_u64; wider.len()];
        for (start, count) in starts.iter().zip(fine) {
            let place = wider.partition_point(|step| step <= start);
            if let Some(sum) = place.checked_sub(1).and_then(|place| counts.get_mut(place)) {
                *sum += u64::from(*count);
            }
        }
        let range = |place: usize, count: u64| PriceCount {
            from: wider[place],
            to: wider.get(place + 1).copied(),
            count,
        };
        let counted = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        counted.map(|(place, count)| range(place, count)).collect::<Vec<_>>()
    };
    let fine = in_steps(&FINE);
    if fine.len() <= MOST {
        return fine;
    }
    let coarse = in_steps(&COARSE);
    if coarse.len() <= MOST { coarse } else { in_steps(&COARSEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(prices: &[i64]) -> Vec<PriceCount> {
        let steps = steps(&FINE);
        let mut counts = vec![0; steps.len()];
        for price in prices {
            counts[steps.partition_point(|step| step <= price) - 1] += 1;
        }
        ranges(&counts)
    }

    #[test]
    fn prices_lie_in_ranges_of_round_numbers() {
        let range = |from, to, count| PriceCount { from, to, count };
        assert_eq!(
            counted(&[0, 9, 10, 500, 699, 700, 1999, 2000]),
            [
                range(0, Some(10), 2),
                range(10, Some(15), 1),
                range(500, Some(700), 2),
                range(700, Some(1000), 1),
                range(1500, Some(2000), 1),
                range(2000, Some(3000), 1),
            ]
        );
        let dearest = contracts::Money::MAX_MINOR;
        assert_eq!(counted(&[dearest]).iter().map(|range| range.count).sum::<u64>(), 1);
        assert_eq!(counted(&[]), []);
    }

    #[test]
    fn there_are_never_more_than_twenty_ranges_and_none_loses_a_product() {
        let all: Vec<i64> = steps(&FINE);
        let ranges = counted(&all);
        assert!(ranges.len() <= MOST, "{}", ranges.len());
        assert_eq!(ranges.iter().map(|range| range.count).sum::<u64>(), all.len() as u64);
        for pair in ranges.windows(2) {
            assert_eq!(pair[0].to, Some(pair[1].from));
        }
        let some: Vec<i64> = (0..6).flat_map(|n| FINE.map(|step| step * 10_i64.pow(n))).collect();
        let ranges = counted(&some);
        assert!((15..=MOST).contains(&ranges.len()), "{}", ranges.len());
    }

    #[test]
    fn the_most_frequent_come_first_and_twenty_at_most() {
        let counts: Vec<u32> = (0..50).map(|n| n % 30).collect();
        let found = most_frequent(&counts);
        assert_eq!(found.len(), MOST);
        assert_eq!(found[0], (29, 29));
        assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        assert_eq!(most_frequent(&[0, 0]), []);
    }
}
