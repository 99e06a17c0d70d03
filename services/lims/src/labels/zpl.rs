//! Labels in the language of label printers. The symbol is sent as a picture, so that every printer draws the same.

use std::fmt::Write as _;

use super::layout::{FONT, Layout};

pub(super) fn draw(layout: &Layout<'_>) -> String {
    let (x, y) = layout.at;
    let mut zpl = format!("^XA\n^CI28\n^PW{}\n^LL{}\n^FO{x},{y}{}^FS\n", layout.width, layout.height, picture(layout));
    for (x, y, line) in &layout.lines {
        writeln!(zpl, "^FO{x},{y}^A0N,{FONT},{FONT}^FH_^FD{}^FS", escaped(line)).expect("a String takes any text");
    }
    zpl.push_str("^XZ\n");
    zpl
}

/// The symbol dot by dot, in hex; a colon repeats a line.
fn picture(layout: &Layout<'_>) -> String {
    let module = layout.module as usize;
    let wide = (layout.symbol.width() * layout.module).div_ceil(8);
    let high = layout.symbol.height() * layout.module;
    let mut picture = format!("^GFA,{total},{total},{wide},", total = wide * high);
    for row in &layout.symbol.rows {
        let dots: Vec<_> = row.iter().flat_map(|dark| std::iter::repeat_n(*dark, module)).collect();
        for eight in dots.chunks(8) {
            let byte = eight.iter().zip((0..8).rev()).fold(0_u8, |byte, (dark, bit)| byte | u8::from(*dark) << bit);
            write!(picture, "{byte:02X}").expect("a String takes any text");
        }
        picture.extend(std::iter::repeat_n(':', (layout.symbol.tall * layout.module) as usize - 1));
    }
    picture
}

/// Text that is none of the printer's commands, whatever it holds.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b' ' {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "_{byte:02X}").expect("a String takes any text");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_holds_no_command() {
        assert_eq!(escaped("W1^XZ~JR_é\n"), "W1_5EXZ_7EJR_5F_C3_A9_0A");
    }
}
