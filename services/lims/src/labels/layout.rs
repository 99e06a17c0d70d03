//! Where everything is on a label, in dots of an eighth of a millimetre: what both languages draw.

use spectra_proto::lims::LabelSymbology;

use super::symbol::Symbol;

/// How high a line of text is, with the space to the next, and how wide a letter is at most, but for a few.
pub(super) const FONT: u32 = 24;
const LINE: u32 = 30;
const LETTER: u32 = 17;

/// How many letters a line shows.
const LETTERS: usize = 32;

/// A label, laid out.
#[derive(Debug)]
pub(super) struct Layout<'s> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) symbol: &'s Symbol,
    /// Where the symbol is, and how many dots a module has each way.
    pub(super) at: (u32, u32),
    pub(super) module: u32,
    /// Lines of text, each with the place of its upper left.
    pub(super) lines: Vec<(u32, u32, String)>,
}

impl<'s> Layout<'s> {
    /// Lays a label out: text right of a square, and beneath bars. What surrounds a symbol is as light as its symbology asks for.
    pub(super) fn of<'l>(symbol: &'s Symbol, symbology: LabelSymbology, lines: impl Iterator<Item = &'l str>) -> Self {
        let bars = symbology == LabelSymbology::Code128;
        let (module, quiet) = if bars { (2, 10) } else { (4, 3) };
        let margin = module * quiet;
        let (wide, high) = (symbol.width() * module, symbol.height() * module);
        let (left, top) = if bars { (margin, margin + high + margin / 2) } else { (margin + wide + margin, margin) };
        let lines: Vec<_> = lines.map(shown).collect();
        let longest = lines.iter().map(|line| letters(line)).max().unwrap_or_default();
        let lowest = top + letters_high(lines.len());
        let lines = lines.into_iter().zip((top..).step_by(LINE as usize)).map(|(line, y)| (left, y, line)).collect();
        Self {
            width: (margin + wide).max(left + longest * LETTER) + margin,
            height: (margin + high).max(lowest) + margin,
            symbol,
            at: (margin, margin),
            module,
            lines,
        }
    }
}

/// What is shown of a text: one line that fits.
fn shown(text: &str) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut line: String = letters.by_ref().take(LETTERS).collect();
    if letters.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}

fn letters(line: &str) -> u32 {
    u32::try_from(line.chars().count()).unwrap_or(u32::MAX)
}

fn letters_high(lines: usize) -> u32 {
    u32::try_from(lines).unwrap_or(u32::MAX).saturating_mul(LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_cut_between_letters() {
        assert_eq!(shown("a\tb"), "a b");
        assert_eq!(shown(&"ä".repeat(32)), "ä".repeat(32));
        assert_eq!(shown(&"ä".repeat(33)), format!("{}…", "ä".repeat(31)));
    }
}
