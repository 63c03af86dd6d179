//! Draws a book cover from a title, an author and a seed. Knows nothing of products.
//!
//! The same three texts always give the same bytes, so that a cover can be cached for ever. Only
//! integers are reckoned with, and every text is escaped: a cover is safe to serve as
//! `image/svg+xml` whatever a product is called.
mod lettering;
mod pictures;

use std::fmt::Write as _;

/// How wide a cover is; it is half as high again.
const WIDTH: i32 = 400;
const HEIGHT: i32 = 600;

/// A cover of 400 by 600 as a whole SVG document of less than 3 KB.
///
/// `seed` alone decides layout and colours; give it what never changes, such as the product's id.
pub fn cover_svg(title: &str, author: &str, seed: &str) -> String {
    let mut chance = Chance::new(seed);
    let colours = chance.one_of(&PALETTES);
    let draw = chance.one_of(&pictures::LAYOUTS);
    let mut svg = String::with_capacity(3000);
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"><path fill="#{}" d="M0 0h400v600H0z"/>"##,
        colours.ground
    );
    let mut panel = draw(&mut svg, colours, &mut chance);
    panel.italic = chance.below(4) == 0;
    // The fold beside the spine.
    svg.push_str(r##"<path d="M0 0h11v600H0z" opacity=".16"/><path fill="#fff" d="M11 0h2v600h-2z" opacity=".16"/>"##);
    panel.letter(&mut svg, title, author);
    svg.push_str("</svg>");
    svg
}

/// Five colours that go together, in hexadecimal.
struct Palette {
    ground: &'static str,
    /// Reads well on the ground.
    ink: &'static str,
    first: &'static str,
    second: &'static str,
    third: &'static str,
}

const fn palette(
    ground: &'static str,
    ink: &'static str,
    first: &'static str,
    second: &'static str,
    third: &'static str,
) -> Palette {
    Palette { ground, ink, first, second, third }
}

const PALETTES: [Palette; 14] = [
    palette("f3e8d3", "1f2a44", "c4532d", "e3ab5c", "33476b"),
    palette("1e3d36", "f4e9d0", "d9a441", "7fa88f", "c8603d"),
    palette("581a2b", "f7e6d2", "d98e5f", "93344a", "ecca94"),
    palette("17263f", "f3e7cf", "e2b04a", "4a78a8", "cb5b40"),
    palette("e8dec5", "2e3324", "6c7b3c", "b85e34", "dab65e"),
    palette("0f4753", "f8ebd4", "e9b44c", "4f98a0", "df6a35"),
    palette("37234a", "f5e5d1", "e8b86d", "7a5ba0", "cf7f93"),
    palette("a3422a", "fcefdc", "f2c078", "74281a", "2f4a4a"),
    palette("dee5e2", "21323b", "52788a", "c5674a", "9fb9b6"),
    palette("1d1b1c", "ecd9ae", "c39b4a", "5d4c33", "94352f"),
    palette("f3dccd", "4a1f2c", "b3495b", "e0a07c", "748463"),
    palette("dba63c", "2a2018", "7e301d", "f5e4bd", "2d5358"),
    palette("f1ece0", "232323", "2f6f5e", "d9583b", "e8b64c"),
    palette("28405c", "f6ead6", "f0a98b", "5f86a6", "f3d9a4"),
];

/// FNV-1a of the seed, then a small generator: all the chance that a cover has.
struct Chance(u64);

impl Chance {
    fn new(seed: &str) -> Self {
        Self(seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }
    /// From 0 to below `end`, by a step of splitmix64.
    fn below(&mut self, end: i32) -> i32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        i32::try_from(mixed % end).unwrap_or_default()
    }
    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let end = i32::try_from(choices.len()).unwrap_or(1);
        &choices[usize::try_from(self.below(end)).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::{cover_svg, lettering::unprintable};

    /// Enough seeds to meet every layout and palette.
    fn seeds() -> impl Iterator<Item = String> {
        (0..300).map(|n| format!("seed-{n}"))
    }
    /// The words on the cover, line by line, still escaped.
    fn lines(svg: &str) -> Vec<&str> {
        svg.split("<text")
            .skip(1)
            .filter_map(|text| text.split('>').nth(1)?.strip_suffix("</text"))
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_cover() {
        let cover = cover_svg("Emma", "Jane Austen", "a");
        assert_eq!(cover, cover_svg("Emma", "Jane Austen", "a"));
        let distinct: std::collections::BTreeSet<String> =
            seeds().map(|seed| cover_svg("Emma", "Jane Austen", &seed)).collect();
        assert!(distinct.len() > 290, "only {} of 300", distinct.len());
    }

    #[test]
    fn the_seed_alone_decides_the_picture() {
        let picture =
            |title| cover_svg(title, "", "s").split("<g fill=\"#").next().map(str::to_owned);
        assert_eq!(picture("Emma"), picture("Persuasion"));
    }

    #[test]
    fn every_layout_is_met_and_stays_small() {
        for seed in seeds() {
            let svg = cover_svg(&"&\"'<".repeat(500), &"'".repeat(500), &seed);
            assert!(svg.len() < 3072, "{} bytes with {seed}", svg.len());
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
            assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count(), "{seed}");
            assert_eq!(svg.matches('"').count() % 2, 0, "{seed}");
        }
    }

    #[test]
    fn hostile_words_are_shown_and_never_run() {
        let title = "</text><script>alert('x')</script>";
        for seed in seeds() {
            let svg = cover_svg(title, "\" onload=\"&", &seed);
            assert!(!svg.contains("<script") && !svg.contains("\" onload"), "{svg}");
            assert!(svg.contains("&lt;script&gt;") || svg.contains("&lt;"), "{svg}");
            assert!(svg.contains("&#34; ONLOAD=&#34;&amp;"), "{svg}");
        }
    }

    #[test]
    fn what_xml_forbids_is_left_out() {
        let svg = cover_svg("A\0B\u{8}\u{ffff}\u{202e}C\n\tD", "\u{1b}[31mX", "s");
        assert!(!svg.chars().any(|c| c.is_control() || unprintable(c)));
        assert_eq!(lines(&svg).join(" "), "A B C D [31MX");
    }

    #[test]
    fn long_titles_fit_and_end_in_an_ellipsis() {
        for seed in seeds() {
            for title in
                ["word ".repeat(200), "W".repeat(1000), "漢".repeat(1000), "\u{1f600}".repeat(1000)]
            {
                let svg = cover_svg(&title, "Nobody", &seed);
                assert!(svg.contains('…'), "{seed}");
                assert!(svg.len() < 3072, "{} bytes", svg.len());
                for y in svg.split("<text x=\"202\" y=\"").skip(1) {
                    let y: i32 = y.split('"').next().unwrap().parse().unwrap();
                    assert!((20..590).contains(&y), "a line at {y} with {seed}");
                }
            }
        }
    }

    #[test]
    fn no_words_give_a_picture_without_words() {
        assert!(lines(&cover_svg("", " \n", "s")).is_empty());
        assert_eq!(lines(&cover_svg("Beowulf", "", "s")), ["Beowulf"]);
        assert_eq!(lines(&cover_svg("Beowulf", "", "")), ["Beowulf"]);
    }

    #[test]
    fn titles_break_between_words() {
        let svg = cover_svg("Twenty Thousand Leagues Under the Seas", "Jules Verne", "s");
        let title = lines(&svg);
        assert_eq!(title.join(" "), "Twenty Thousand Leagues Under the Seas JULES VERNE");
        assert!(title.len() > 2);
    }
}
