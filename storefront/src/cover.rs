//! Draws a book cover from a title, an author and a seed. Knows nothing of products.
//!
//! The same three texts always give the same bytes, so that a cover can be cached for ever. Only
//! integers are reckoned with, and every text is escaped: a cover is safe to serve as
//! `image/svg+xml` whatever a product is called.
use std::fmt::Write as _;

/// How wide a cover is; it is half as high again.
const WIDTH: i32 = 400;
const HEIGHT: i32 = 600;

/// At most so many characters of a title are looked at; what is longer ends in an ellipsis.
const TITLE_CHARS: usize = 110;
/// Likewise of the author's name.
const AUTHOR_CHARS: usize = 60;

/// A cover of 400 by 600 as a whole SVG document of less than 3 KB.
///
/// `seed` alone decides layout and colours; give it what never changes, such as the product's id.
pub fn cover_svg(title: &str, author: &str, seed: &str) -> String {
    let mut chance = Chance::new(seed);
    let colours = chance.one_of(&PALETTES);
    let draw = chance.one_of(&LAYOUTS);
    let mut svg = String::with_capacity(3000);
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"><path fill="#{}" d="M0 0h400v600H0z"/>"##,
        colours.ground
    );
    let panel = draw(&mut svg, colours, &mut chance);
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

/// A layout draws its picture and says where the words go.
type Layout = fn(&mut String, &'static Palette, &mut Chance) -> Panel;

const LAYOUTS: [Layout; 10] =
    [arcs, stripes, waves, tiles, rosette, hills, scales, rays, contours, engraving];

/// Rings that rise like a sun over the lower edge.
fn arcs(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let rings = [colours.first, colours.ground, colours.second, colours.ground, colours.third];
    let centre = [200, 200, 0, 400][usize::try_from(chance.below(4)).unwrap_or_default()];
    let (start, step) = if centre == 200 { (262, 26) } else { (330, 32) };
    for (at, ring) in (0..).zip(rings.iter().chain([&colours.first, &colours.ground, &colours.second])) {
        circle(svg, centre, HEIGHT, start - at * step - (at % 2) * 8, ring);
    }
    Panel::top(colours).until(if centre == 200 { 322 } else { 262 })
}

/// Cloth with narrow stripes and a label pasted on.
fn stripes(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let pitch = 20 + 4 * chance.below(6);
    let tilt = [0, 45, 90, 135][usize::try_from(chance.below(4)).unwrap_or_default()];
    let id = chance.below(1_000_000);
    let _ = write!(
        svg,
        r##"<pattern id="p{id}" width="{pitch}" height="{pitch}" patternUnits="userSpaceOnUse" patternTransform="rotate({tilt})"><path fill="#{}" d="M0 0h{}v{pitch}H0z"/><path fill="#{}" d="M{} 0h2v{pitch}h-2z"/></pattern><path fill="url(#p{id})" d="M0 0h400v600H0z"/>"##,
        colours.second,
        pitch / 2,
        colours.third,
        pitch * 3 / 4 - 1,
    );
    label(svg, colours)
}

/// A sea of layered waves.
fn waves(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    circle(svg, 90 + chance.below(220), 372, 62, colours.first);
    let sea = [colours.second, colours.third, colours.ink, colours.second, colours.first, colours.third];
    for (at, colour) in (0..).zip(sea) {
        let (y, swell) = (372 + at * 38, 16 + chance.below(18));
        let start = -chance.below(140);
        let _ = write!(
            svg,
            r##"<path fill="#{colour}" stroke="#{}" stroke-width="5" d="M{start} {y}q35 -{swell} 70 0"##,
            colours.ground
        );
        svg.push_str(&"t70 0".repeat(7));
        svg.push_str("V620H-200V400z\"/>");
    }
    Panel::top(colours).until(300)
}

/// Quarter circles laid like tiles.
fn tiles(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let mut layers = [String::new(), String::new(), String::new(), String::new()];
    for at in 0..20 {
        let (x, y) = (at % 5 * 80, at / 5 * 80);
        let quarter = match chance.below(6) {
            0 => format!("M{x} {y}h80a80 80 0 0 1-80 80z"),
            1 => format!("M{} {y}v80a80 80 0 0 1-80-80z", x + 80),
            2 => format!("M{} {}h-80a80 80 0 0 1 80-80z", x + 80, y + 80),
            3 => format!("M{x} {}v-80a80 80 0 0 1 80 80z", y + 80),
            4 => format!("M{} {y}a40 40 0 0 1 0 80a40 40 0 0 1 0-80", x + 40),
            _ => format!("M{x} {y}h80l-80 80z"),
        };
        // Every third tile or so has a coloured ground of its own.
        if chance.below(3) == 0 {
            let _ = write!(layers[0], "M{x} {y}h80v80h-80z");
        }
        layers[usize::try_from(1 + chance.below(3)).unwrap_or(1)].push_str(&quarter);
    }
    let paints = [colours.second, colours.first, colours.third, colours.ink];
    for (path, (paint, opacity)) in layers.iter().zip(paints.iter().zip([".45", "1", "1", "1"])) {
        let _ = write!(svg, r##"<path fill="#{paint}" opacity="{opacity}" d="{path}"/>"##);
    }
    Panel { top: 344, bottom: 572, middle: true, ..Panel::top(colours) }
}

/// A rosette of turned ellipses, as engine-turned on bank notes.
fn rosette(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let _ = write!(svg, r##"<g transform="translate(200 400)" fill="none" stroke="#{}">"##, colours.first);
    let (flat, petals) = (38 + chance.below(40), 15 + chance.below(6));
    for at in 0..petals {
        let _ = write!(svg, r#"<ellipse rx="150" ry="{flat}" transform="rotate({})"/>"#, at * 180 / petals);
    }
    let _ = write!(
        svg,
        r##"<g stroke="#{}"><circle r="158"/><circle r="164" stroke-width="4"/></g><circle r="{}" fill="#{}" stroke="none"/></g>"##,
        colours.second,
        flat - 8,
        colours.third
    );
    frame(svg, colours.first);
    Panel { top: 50, ..Panel::top(colours).until(226) }
}

/// Hills under a sun or a moon.
fn hills(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let sun = 90 + chance.below(220);
    circle(svg, sun, 340, 58, colours.first);
    let _ = write!(
        svg,
        r##"<g fill="none" stroke="#{}" stroke-width="2"><circle cx="{sun}" cy="340" r="74"/><circle cx="{sun}" cy="340" r="90" opacity=".6"/><circle cx="{sun}" cy="340" r="106" opacity=".3"/></g>"##,
        colours.first
    );
    for (at, colour) in (0..).zip([colours.second, colours.third, colours.ink, colours.first]) {
        let y = 400 + at * 52;
        let (left, peak, right) = (chance.below(60), 90 + chance.below(220), chance.below(60));
        let _ = write!(
            svg,
            r##"<path fill="#{colour}" stroke="#{}" stroke-width="4" d="M-9 {}Q{} {} {peak} {}T409 {}V609H-9z"/>"##,
            colours.ground,
            y + left,
            peak / 2,
            y - 50,
            y + 6,
            y + right,
        );
    }
    Panel::top(colours).until(232)
}

/// Fish scales all over, with a label.
fn scales(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let id = chance.below(1_000_000);
    let _ = write!(
        svg,
        r##"<pattern id="p{id}" width="50" height="26" patternUnits="userSpaceOnUse"><g id="s{id}">"##
    );
    for (r, colour) in [(26, colours.third), (21, colours.ground), (15, colours.second), (8, colours.ground)] {
        circle(svg, 25, 26, r, colour);
    }
    let _ = write!(
        svg,
        r##"</g><use href="#s{id}" x="-25" y="13"/><use href="#s{id}" x="25" y="13"/><use href="#s{id}" y="26"/></pattern><path fill="url(#p{id})" d="M0 0h400v600H0z"/>"##
    );
    label(svg, colours)
}

/// Rays from the lower edge, as on old theatre posters.
fn rays(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    // Sines of 0, 9, 18 … 90 degrees in thousandths.
    const SINES: [i32; 11] = [0, 156, 309, 454, 588, 707, 809, 891, 951, 988, 1000];
    let (x, y) = (120 + chance.below(165), 577);
    // An inner document cuts off what would cross the frame.
    let _ = write!(
        svg,
        r##"<svg x="33" y="23" width="344" height="554" viewBox="33 23 344 554"><path fill="#{}" d=""##,
        colours.second
    );
    let tip = |at: usize| {
        let (sine, cosine) = if at <= 10 { (SINES[at], SINES[10 - at]) } else { (SINES[20 - at], -SINES[at - 10]) };
        (x - cosine * 340 / 1000, y - sine * 340 / 1000)
    };
    for at in (0..20).step_by(2) {
        let ((ax, ay), (bx, by)) = (tip(at), tip(at + 1));
        let _ = write!(svg, "M{x} {y}L{ax} {ay}A340 340 0 0 1 {bx} {by}z");
    }
    svg.push_str("\"/>");
    for (radius, colour) in [(150, colours.ground), (138, colours.first), (100, colours.ground), (88, colours.third)] {
        circle(svg, x, y, radius, colour);
    }
    svg.push_str("</svg>");
    frame(svg, colours.first);
    Panel { top: 54, ..Panel::top(colours).until(250) }
}

/// Height lines of an island that is on no map.
fn contours(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let [a, b, c, d] = [(); 4].map(|()| 60 + chance.below(110));
    let (x, y) = (170 + chance.below(60), 410);
    let _ = write!(
        svg,
        r##"<g fill="none" stroke="#{}" stroke-width="3" transform="translate({x} {y})"><path id="k{a}" vector-effect="non-scaling-stroke" d="M-180 0C-180-{a}-{b}-170 0-150S180-{c} 190 10S{d} 150 10 160S-180 {b}-180 0z"/>"##,
        colours.first
    );
    for (at, scale) in [150, 134, 117, 84, 68, 52, 36, 20].into_iter().enumerate() {
        let paint = if at == 5 { colours.third } else { colours.second };
        let fill = if at == 5 { colours.third } else { "none" };
        let mark = if fill == "none" { "" } else { "#" };
        let _ = write!(
            svg,
            r##"<use href="#k{a}" stroke="#{paint}" fill="{mark}{fill}" transform="scale({}.{:02})"/>"##,
            scale / 100,
            scale % 100
        );
    }
    let _ = write!(svg, r##"</g><path fill="#{}" d="M0 0h400v224H0z"/><path fill="#{}" d="M0 224h400v5H0z"/>"##, colours.ground, colours.first);
    Panel { middle: true, top: 30, ..Panel::top(colours).until(214) }
}

/// A sun that is cut by lines, over water that is made of them.
fn engraving(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let x = 140 + chance.below(121);
    let _ = write!(svg, r##"<g stroke="#{}" stroke-width="2">"##, colours.second);
    for at in 0..13 {
        let _ = write!(svg, r#"<path d="M0 {0}H400"/>"#, 318 + at * 11);
    }
    svg.push_str("</g>");
    circle(svg, x, 420, 126, colours.ground);
    circle(svg, x, 420, 116, colours.first);
    for at in 0..8 {
        let thick = 2 + at;
        let _ = write!(svg, r##"<path fill="#{}" d="M0 {}h400v{thick}H0z"/>"##, colours.ground, 350 + at * 15);
    }
    let _ = write!(
        svg,
        r##"<path fill="#{}" d="M0 462h400v138H0z"/><g stroke="#{}" stroke-linecap="round">"##,
        colours.third, colours.first
    );
    for at in 0..9 {
        let reach = 112 - at * 9 + chance.below(30);
        let (left, gap) = (x - reach + chance.below(24), 12 + chance.below(30));
        let _ = write!(
            svg,
            r#"<path stroke-width="{}" stroke-dasharray="{} {gap} 400" d="M{left} {}H{}"/>"#,
            2 + at / 2,
            reach - gap / 2,
            474 + at * 14,
            x + reach
        );
    }
    svg.push_str("</g>");
    Panel::top(colours).until(284)
}

fn circle(svg: &mut String, x: i32, y: i32, radius: i32, colour: &str) {
    let _ = write!(svg, r##"<circle cx="{x}" cy="{y}" r="{radius}" fill="#{colour}"/>"##);
}

/// A double rule around the whole cover.
fn frame(svg: &mut String, colour: &str) {
    let _ = write!(
        svg,
        r##"<path fill="none" stroke="#{colour}" stroke-width="3" d="M26 16h358v568H26z"/><path fill="none" stroke="#{colour}" d="M33 23h344v554H33z"/>"##
    );
}

/// A pasted label with a double rule.
fn label(svg: &mut String, colours: &'static Palette) -> Panel {
    let _ = write!(
        svg,
        r##"<path fill="#{}" d="M52 150h304v280H52z"/><path fill="none" stroke="#{1}" stroke-width="4" d="M62 160h284v260H62z"/><path fill="none" stroke="#{1}" d="M69 167h270v246H69z"/>"##,
        colours.ground, colours.first
    );
    Panel { top: 180, bottom: 402, middle: true, width: 236, ..Panel::top(colours) }
}

/// Where the words stand.
struct Panel {
    top: i32,
    bottom: i32,
    width: i32,
    middle: bool,
    ink: &'static str,
    rule: &'static str,
}

impl Panel {
    const fn top(colours: &'static Palette) -> Self {
        Self { top: 56, bottom: 300, width: 310, middle: false, ink: colours.ink, rule: colours.first }
    }
    const fn until(self, bottom: i32) -> Self {
        Self { bottom, ..self }
    }

    /// Writes the title as large as it fits, a short rule, and the author below.
    fn letter(&self, svg: &mut String, title: &str, author: &str) {
        let author = clean(author, AUTHOR_CHARS).to_uppercase();
        let author = Fitted::new(&author, self.width - 20, 48, &[17, 15, 13], 2);
        let gap = if author.lines.is_empty() { 0 } else { 44 };
        let room = self.bottom - self.top - author.height() - gap;
        let title = Fitted::new(&clean(title, TITLE_CHARS), self.width, room, &[58, 52, 46, 40, 35, 31, 27, 24, 21, 18], 0);
        let spare = room - title.height();
        let mut y = self.top + if self.middle { spare / 2 } else { 0 };
        y = title.write(svg, y, self.ink);
        if gap > 0 {
            let _ = write!(svg, r##"<path fill="#{}" d="M182 {}h40v3h-40z"/>"##, self.rule, y + 16);
            author.write(svg, y + gap - 6, self.ink);
        }
    }
}

/// A text broken into lines, and the size at which they fit.
struct Fitted {
    lines: Vec<String>,
    size: i32,
    spacing: i32,
}

impl Fitted {
    /// The largest of `sizes` at which `text` fits `width` and `height` without breaking a word;
    /// at the smallest one words are broken and the end is cut.
    fn new(text: &str, width: i32, height: i32, sizes: &[i32], spacing: i32) -> Self {
        let mut fitted = Self { lines: Vec::new(), size: 18, spacing };
        for size in sizes {
            fitted.size = *size;
            let most = usize::try_from(height / fitted.leading()).unwrap_or(1).max(1);
            let lines = wrap(text, &|word| fitted.measure(word), width);
            let whole = text.split(' ').all(|word| fitted.measure(word) <= width);
            if whole && lines.len() <= most {
                fitted.lines = fitted.balanced(text, lines, width);
                return fitted;
            }
            fitted.lines = lines;
            if fitted.lines.len() > most {
                fitted.lines.truncate(most);
                fitted.cut(width);
            }
        }
        fitted
    }
    /// As few lines, but of lengths as even as can be.
    fn balanced(&self, text: &str, lines: Vec<String>, width: i32) -> Vec<String> {
        let narrower = |width: &i32| text.split(' ').all(|word| self.measure(word) <= *width);
        (1..20)
            .map(|step| width - step * width / 30)
            .take_while(narrower)
            .map(|width| wrap(text, &|word| self.measure(word), width))
            .take_while(|tried| tried.len() == lines.len())
            .last()
            .unwrap_or(lines)
    }
    /// Ends the last line in an ellipsis.
    fn cut(&mut self, width: i32) {
        let Some(mut last) = self.lines.pop() else { return };
        while self.measure(&last) > width - self.size && last.pop().is_some() {}
        let kept = last.trim_end_matches([' ', ',', ';', ':', '.', '…']).len();
        last.truncate(kept);
        last.push('…');
        self.lines.push(last);
    }
    const fn leading(&self) -> i32 {
        self.size * 6 / 5
    }
    fn height(&self) -> i32 {
        self.leading() * i32::try_from(self.lines.len()).unwrap_or_default()
    }
    /// How wide `text` runs, somewhat more rather than less.
    fn measure(&self, text: &str) -> i32 {
        text.chars().map(|letter| breadth(letter) * self.size / 1000 + self.spacing).sum()
    }
    /// Writes the lines from `top` on, and says where they end.
    fn write(&self, svg: &mut String, top: i32, ink: &str) -> i32 {
        if self.lines.is_empty() {
            return top;
        }
        let _ = write!(
            svg,
            r##"<g fill="#{ink}" font-family="Georgia,Gelasio,'Liberation Serif',serif" font-size="{}" text-anchor="middle""##,
            self.size
        );
        if self.spacing > 0 {
            let _ = write!(svg, r#" letter-spacing="{}""#, self.spacing);
        }
        svg.push('>');
        let mut y = top + self.size * 9 / 10;
        for line in &self.lines {
            let _ = write!(svg, r#"<text x="202" y="{y}">"#);
            escape(svg, line);
            svg.push_str("</text>");
            y += self.leading();
        }
        svg.push_str("</g>");
        top + self.height()
    }
}

/// How broad a letter of a common serif is, in thousandths of its size.
const fn breadth(letter: char) -> i32 {
    match letter {
        ' ' | '\'' | '’' | '.' | ',' | ':' | ';' | '!' | '|' | 'i' | 'j' | 'l' => 320,
        'f' | 't' | 'r' | 'I' | '-' | '(' | ')' | '[' | ']' | '/' | '"' => 420,
        'm' | 'w' | '&' | '%' | '@' => 900,
        'M' | 'W' | '—' | '…' | 'Æ' | 'Œ' => 1000,
        'H' | 'U' | 'N' | 'D' | 'G' | 'O' | 'Q' => 800,
        'A'..='Z' => 690,
        'a'..='z' => 560,
        // Marks that sit on the letter before.
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' => 0,
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{ffef}' | '\u{1_0000}'.. => 1050,
        _ => 640,
    }
}

/// Breaks at blanks, and within a word that is broader than a line.
fn wrap(text: &str, measure: &dyn Fn(&str) -> i32, width: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && measure(&line) + measure(" ") + measure(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            line.push(letter);
            if measure(&line) > width && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, letter.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// One blank where there were several, no invisible characters, at most `most` characters.
fn clean(text: &str, most: usize) -> String {
    let mut kept = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut letters = word.chars().filter(|c| !unprintable(*c)).peekable();
        if letters.peek().is_some() && count > 0 {
            kept.push(' ');
            count += 1;
        }
        for letter in letters {
            if count >= most {
                kept.truncate(kept.trim_end().len());
                kept.push('…');
                return kept;
            }
            kept.push(letter);
            count += 1;
        }
    }
    kept
}

/// What XML forbids, and what turns the direction of all that follows.
const fn unprintable(letter: char) -> bool {
    matches!(letter, '\u{fffe}' | '\u{ffff}' | '\u{feff}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(svg: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => svg.push_str("&amp;"),
            '<' => svg.push_str("&lt;"),
            '>' => svg.push_str("&gt;"),
            '"' => svg.push_str("&#34;"),
            '\'' => svg.push_str("&#39;"),
            _ => svg.push(letter),
        }
    }
}
