//! Recorded text made safe and narrow enough to show: escapes, columns, cuts.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything that could drive a terminal or hide written as `\u{1b}`; line feeds and
/// tabs stay.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\r' => shown.push_str("\\r"),
            _ if acts(letter) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
            }
            _ => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// The text on one line: runs of white space become a space, the rest is [`escaped`].
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&escaped(word));
    }
    line
}

/// Whether a terminal or a reader could be misled by this character: controls, bidi marks and overrides,
/// characters without width that no script needs, tag characters.
fn acts(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => letter.is_control(),
    }
}

/// A JSON text with the same characters written as `\u001b`, so that it can be shown and means the same.
#[must_use]
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(acts) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for letter in json.chars() {
        if acts(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Columns that the text takes on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Columns of one character: 0 for combining marks, 2 for East Asian wide ones and pictures.
fn width(letter: char) -> usize {
    match u32::from(letter) {
        0x0300..=0x036f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x200c..=0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The text, or as much of it as fits with `…` after it.
#[must_use]
pub fn cut(text: &str, room: usize) -> Cow<'_, str> {
    if columns(text) <= room {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let mut end = 0;
    for (at, letter) in text.char_indices() {
        if used + width(letter) + 1 > room {
            break;
        }
        used += width(letter);
        end = at + letter.len_utf8();
    }
    Cow::Owned(format!("{}…", text[..end].trim_end()))
}

/// The text with spaces after it up to this many columns.
#[must_use]
pub fn pad(text: &str, room: usize) -> String {
    let missing = room.saturating_sub(columns(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The text with spaces before it up to this many columns.
#[must_use]
pub fn pad_left(text: &str, room: usize) -> String {
    let missing = room.saturating_sub(columns(text));
    format!("{}{text}", " ".repeat(missing))
}

/// Lines of at most this many columns, broken at spaces where there are any.
#[must_use]
pub fn wrap(line: &str, room: usize) -> Vec<String> {
    let room = room.max(8);
    let mut lines = Vec::new();
    let mut rest = line;
    while columns(rest) > room {
        let mut used = 0;
        let mut end = rest.len();
        let mut space = None;
        for (at, letter) in rest.char_indices() {
            if letter == ' ' && used > 0 {
                space = Some(at);
            }
            used += width(letter);
            if used > room {
                end = at;
                break;
            }
        }
        let at = space.filter(|at| *at >= end / 2).unwrap_or(end);
        lines.push(rest[..at].to_owned());
        rest = if space == Some(at) { &rest[at + 1..] } else { &rest[at..] };
    }
    lines.push(rest.to_owned());
    lines
}

/// A word as a shell reads it back: in quotes where it needs any.
#[must_use]
pub fn shell(word: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:=@%+,~".contains(letter);
    if !word.is_empty() && word.chars().all(plain) && !word.starts_with('~') {
        return Cow::Borrowed(word);
    }
    if word.contains(['"', '$', '`', '\\', '!']) {
        return Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")));
    }
    Cow::Owned(format!("\"{word}\""))
}

/// A command line as a shell reads it back.
#[must_use]
pub fn command(words: &[String]) -> String {
    words.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_written_out() {
        for (text, shown) in [
            ("plain\n\ttext é 日本", "plain\n\ttext é 日本"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("50%\r100%", "50%\\r100%"),
            ("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("hidden\u{e0041}", "hidden\\u{e0041}"),
        ] {
            assert_eq!(escaped(text), shown);
        }
        assert_eq!(escaped_json("{\"a\":\"\u{9b}1m\u{e0041}é\"}"), "{\"a\":\"\\u009b1m\\udb40\\udc41é\"}");
        assert_eq!(one_line("  a\r\n b\u{1b} "), "a b\\u{1b}");
    }

    #[test]
    fn cuts_count_columns_and_keep_characters() {
        for (text, room, shown) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("ab cd", 4, "ab…"),
        ] {
            assert_eq!(cut(text, room), shown, "{text} {room}");
        }
        assert_eq!(pad("日", 4), "日  ");
        assert_eq!(pad_left("e\u{301}", 3), "  e\u{301}");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("abcdefghijklmnop", 10), ["abcdefghij", "klmnop"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn commands_can_be_pasted() {
        let words = ["python", "agent.py", "What now?", "it's", "a$b", ""].map(str::to_owned);
        assert_eq!(command(&words), r#"python agent.py "What now?" "it's" 'a$b' """#);
    }
}
