//! Sets the words on a cover: broken into lines, as large as they fit, escaped.
use super::Palette;
use std::fmt::Write as _;

/// At most so many characters of a title are looked at; what is longer ends in an ellipsis.
const TITLE_CHARS: usize = 110;
/// Likewise of the author's name.
const AUTHOR_CHARS: usize = 60;

/// Where the words stand.
pub(super) struct Panel {
    pub(super) top: i32,
    pub(super) bottom: i32,
    pub(super) width: i32,
    pub(super) middle: bool,
    pub(super) italic: bool,
    pub(super) ink: &'static str,
    pub(super) rule: &'static str,
}

impl Panel {
    pub(super) const fn top(colours: &'static Palette) -> Self {
        Self {
            top: 56,
            bottom: 300,
            width: 310,
            middle: false,
            italic: false,
            ink: colours.ink,
            rule: colours.first,
        }
    }
    pub(super) const fn until(self, bottom: i32) -> Self {
        Self { bottom, ..self }
    }

    /// Writes the title as large as it fits, a short rule, and the author below.
    pub(super) fn letter(&self, svg: &mut String, title: &str, author: &str) {
        let author = clean(author, AUTHOR_CHARS).to_uppercase();
        let author = Fitted::new(&author, self.width - 20, 48, &[17, 15, 13], 2);
        let gap = if author.lines.is_empty() { 0 } else { 44 };
        let room = self.bottom - self.top - author.height() - gap;
        let title = Fitted::new(
            &clean(title, TITLE_CHARS),
            self.width,
            room,
            &[58, 52, 46, 40, 35, 31, 27, 24, 21, 18],
            0,
        );
        let spare = room - title.height();
        let mut y = self.top + if self.middle { spare / 2 } else { 0 };
        if self.italic {
            svg.push_str(r#"<g font-style="italic">"#);
        }
        y = title.write(svg, y, self.ink);
        if self.italic {
            svg.push_str("</g>");
        }
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
pub(super) const fn unprintable(letter: char) -> bool {
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
