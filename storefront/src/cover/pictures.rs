//! The ten pictures that a cover can have. None of them knows a word that is written on it.
use super::lettering::Panel;
use super::{Chance, HEIGHT, Palette};
use std::fmt::Write as _;

/// A layout draws its picture and says where the words go.
pub(super) type Layout = fn(&mut String, &'static Palette, &mut Chance) -> Panel;

pub(super) const LAYOUTS: [Layout; 10] =
    [arcs, stripes, waves, tiles, rosette, hills, scales, rays, contours, engraving];

/// Rings that rise like a sun over the lower edge.
fn arcs(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let rings = [colours.first, colours.ground, colours.second, colours.ground, colours.third];
    let centre = [200, 200, 0, 400][usize::try_from(chance.below(4)).unwrap_or_default()];
    let (start, step) = if centre == 200 { (262, 26) } else { (330, 32) };
    for (at, ring) in
        (0..).zip(rings.iter().chain([&colours.first, &colours.ground, &colours.second]))
    {
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
    let sea =
        [colours.second, colours.third, colours.ink, colours.second, colours.first, colours.third];
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
    let _ = write!(
        svg,
        r##"<g transform="translate(200 400)" fill="none" stroke="#{}">"##,
        colours.first
    );
    let (flat, petals) = (38 + chance.below(40), 15 + chance.below(6));
    for at in 0..petals {
        let _ = write!(
            svg,
            r#"<ellipse rx="150" ry="{flat}" transform="rotate({})"/>"#,
            at * 180 / petals
        );
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
        r#"<pattern id="p{id}" width="50" height="26" patternUnits="userSpaceOnUse"><g id="s{id}">"#
    );
    for (r, colour) in
        [(26, colours.third), (21, colours.ground), (15, colours.second), (8, colours.ground)]
    {
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
        let (sine, cosine) =
            if at <= 10 { (SINES[at], SINES[10 - at]) } else { (SINES[20 - at], -SINES[at - 10]) };
        (x - cosine * 316 / 1000, y - sine * 316 / 1000)
    };
    for at in (0..20).step_by(2) {
        let ((ax, ay), (bx, by)) = (tip(at), tip(at + 1));
        let _ = write!(svg, "M{x} {y}L{ax} {ay}A316 316 0 0 1 {bx} {by}z");
    }
    svg.push_str("\"/>");
    for (radius, colour) in
        [(150, colours.ground), (138, colours.first), (100, colours.ground), (88, colours.third)]
    {
        circle(svg, x, y, radius, colour);
    }
    svg.push_str("</svg>");
    frame(svg, colours.first);
    Panel { top: 54, ..Panel::top(colours).until(250) }
}

/// Height lines of an island that is on no map.
fn contours(svg: &mut String, colours: &'static Palette, chance: &mut Chance) -> Panel {
    let [west, north, east, south] = [(); 4].map(|()| 60 + chance.below(110));
    let (x, y) = (170 + chance.below(60), 410);
    let _ = write!(
        svg,
        r##"<g fill="none" stroke="#{}" stroke-width="3" transform="translate({x} {y})"><path id="k{west}" d="M-180 0C-180-{west}-{north}-170 0-150S180-{east} 190 10S{south} 150 10 160S-180 {north}-180 0z"/>"##,
        colours.first
    );
    for (at, scale) in [150, 134, 117, 84, 68, 52, 36, 20].into_iter().enumerate() {
        let paint = if at == 5 { colours.third } else { colours.second };
        let fill = if at == 5 { colours.third } else { "none" };
        let mark = if fill == "none" { "" } else { "#" };
        let _ = write!(
            svg,
            r##"<use href="#k{west}" stroke="#{paint}" fill="{mark}{fill}" stroke-width="{}" transform="scale({}.{:02})"/>"##,
            // As broad on the cover at any scale.
            300 / scale,
            scale / 100,
            scale % 100
        );
    }
    let _ = write!(
        svg,
        r##"</g><path fill="#{}" d="M0 0h400v224H0z"/><path fill="#{}" d="M0 224h400v5H0z"/>"##,
        colours.ground, colours.first
    );
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
        let _ = write!(
            svg,
            r##"<path fill="#{}" d="M0 {}h400v{thick}H0z"/>"##,
            colours.ground,
            350 + at * 15
        );
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
