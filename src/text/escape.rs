//! Recorded text made safe and narrow enough to show: escapes, columns, cuts.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

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
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(width).sum() }
}

/// Columns of one character as a reader counts them: 2 for East Asian wide ones and pictures, nothing for marks.
fn width(letter: &str) -> usize {
    match letter.as_bytes() {
        [byte] if byte.is_ascii() => 1,
        _ => letter.width(),
    }
}

/// The text, or as much of it as fits with `…` after it.
#[must_use]
pub fn cut(text: &str, room: usize) -> Cow<'_, str> {
    let mut used = 0;
    let mut end = 0;
    for (at, letter) in text.grapheme_indices(true) {
        used += width(letter);
        if used > room {
            return Cow::Owned(format!("{}…", text[..end].trim_end()));
        }
        if used < room {
            end = at + letter.len();
        }
    }
    Cow::Borrowed(text)
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
    let (mut start, mut used) = (0, 0);
    // Where the line was broken last could break: after the space, and columns up to there.
    let mut space: Option<(usize, usize)> = None;
    for (at, letter) in line.grapheme_indices(true) {
        let columns = width(letter);
        if used + columns > room {
            match space.filter(|(after, _)| *after - start > (at - start) / 2 && *after <= at) {
                Some((after, before)) => {
                    lines.push(line[start..after - 1].to_owned());
                    (start, used) = (after, used - before);
                }
                None if letter == " " => {
                    lines.push(line[start..at].to_owned());
                    (start, used, space) = (at + 1, 0, None);
                    continue;
                }
                None => {
                    lines.push(line[start..at].to_owned());
                    (start, used) = (at, 0);
                }
            }
            space = None;
        }
        used += columns;
        if letter == " " && at > start {
            space = Some((at + 1, used));
        }
    }
    lines.push(line[start..].to_owned());
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
            ("ae\u{301}bc", 3, "ae\u{301}…"),
            ("👩‍👩‍👧 family", 4, "👩‍👩‍👧…"),
            ("👩‍👩‍👧", 2, "👩‍👩‍👧"),
            ("🇩🇪🇫🇷🇪🇸", 5, "🇩🇪🇫🇷…"),
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
        assert_eq!(wrap("eight888 more", 8), ["eight888", "more"]);
        assert_eq!(wrap("日本語日本語", 8), ["日本語日", "本語"]);
        assert_eq!(wrap("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 8), ["👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", "👩‍👩‍👧"]);
        let long = "a".repeat(1_000_000);
        assert_eq!(wrap(&long, 100).len(), 10_000);
    }

    #[test]
    fn commands_can_be_pasted() {
        let words = ["python", "agent.py", "What now?", "it's", "a$b", ""].map(str::to_owned);
        assert_eq!(command(&words), r#"python agent.py "What now?" "it's" 'a$b' """#);
    }
}
