//! Symbols: codes as dark and light modules.

use barcoders::sym::code128::Code128;
use datamatrix::{DataMatrix, SymbolList};
use spectra_proto::lims::LabelSymbology;

/// How many characters bars carry at most: more would be longer than scanners are wide.
const BARS_CARRY: usize = 48;

/// How high bars are, in modules.
const BARS_TALL: u32 = 48;

/// A code, drawn in modules.
#[derive(Debug)]
pub(super) struct Symbol {
    /// Row by row, whether a module is dark.
    pub(super) rows: Vec<Vec<bool>>,
    /// How many modules each row is high.
    pub(super) tall: u32,
}

impl Symbol {
    /// Draws a text; none where the symbology cannot carry it. What is no printable ASCII, or has spaces at an end, could reach some
    /// scanner's computer as another text.
    pub(super) fn of(text: &str, symbology: LabelSymbology) -> Option<Self> {
        if text.is_empty() || text.trim() != text || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        match symbology {
            LabelSymbology::Code128 => bars(text),
            LabelSymbology::Datamatrix | LabelSymbology::Unspecified => matrix(text),
        }
    }

    /// How many modules a row is wide.
    pub(super) fn width(&self) -> u32 {
        self.rows.first().map_or(0, |row| count(row.len()))
    }

    /// How many modules the symbol is high.
    pub(super) fn height(&self) -> u32 {
        count(self.rows.len()) * self.tall
    }
}

fn matrix(text: &str) -> Option<Symbol> {
    let bitmap = DataMatrix::encode(text.as_bytes(), SymbolList::default().enforce_square()).ok()?.bitmap();
    let mut rows = vec![vec![false; bitmap.width()]; bitmap.height()];
    for (x, y) in bitmap.pixels() {
        *rows.get_mut(y)?.get_mut(x)? = true;
    }
    Some(Symbol { rows, tall: 1 })
}

fn bars(text: &str) -> Option<Symbol> {
    /// These letters choose the set of characters, in the words of the encoder: all of ASCII that prints, and pairs of digits.
    const PRINTABLE: char = '\u{181}';
    const DIGITS: char = '\u{106}';
    if text.len() > BARS_CARRY {
        return None;
    }
    let pairs = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_digit());
    let set = if pairs { DIGITS } else { PRINTABLE };
    let modules = Code128::new(format!("{set}{text}")).ok()?.encode();
    Some(Symbol { rows: vec![modules.into_iter().map(|module| module == 1).collect()], tall: BARS_TALL })
}

/// A number of modules, of which no symbol has many.
fn count(modules: usize) -> u32 {
    u32::try_from(modules).unwrap_or(u32::MAX)
}
