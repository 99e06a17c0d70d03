//! Labels as pictures. Nothing in them depends on styles or scripts, which a browser would refuse.

use std::fmt::Write as _;

use super::layout::{FONT, Layout};

/// Dots of a millimetre.
const DOTS: f64 = 8.0;

pub(super) fn draw(layout: &Layout<'_>) -> String {
    let Layout { width, height, .. } = layout;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {width} {height}\">\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/><path shape-rendering=\"crispEdges\" d=\"",
        f64::from(*width) / DOTS,
        f64::from(*height) / DOTS,
    );
    let (left, top) = layout.at;
    let high = layout.symbol.tall * layout.module;
    for (row, y) in layout.symbol.rows.iter().zip((top..).step_by(high as usize)) {
        let mut x = left;
        for run in row.chunk_by(|one, next| one == next) {
            let wide = run.iter().map(|_| layout.module).sum::<u32>();
            if run[0] {
                put(&mut svg, format_args!("M{x} {y}h{wide}v{high}h-{wide}z"));
            }
            x += wide;
        }
    }
    put(&mut svg, format_args!("\"/><g font-family=\"sans-serif\" font-size=\"{FONT}\">"));
    for (x, y, line) in &layout.lines {
        put(&mut svg, format_args!("<text x=\"{x}\" y=\"{}\" xml:space=\"preserve\">{}</text>", y + FONT * 4 / 5, escaped(line)));
    }
    svg.push_str("</g></svg>\n");
    svg
}

/// Appends text.
fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    svg.write_fmt(text).expect("a String takes any text");
}

/// Text for XML, which has no place for some characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<script>a & b</script>"), "&lt;script&gt;a &amp; b&lt;/script&gt;");
        assert_eq!(escaped("]]>\u{0}\u{ffff}é"), "]]&gt;\u{fffd}\u{fffd}é");
    }
}
