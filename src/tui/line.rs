//! A line of text that is being typed.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::Key;

/// Text and where the cursor stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The text.
    pub text: String,
    /// Byte before which the next character comes.
    pub cursor: usize,
}

impl Line {
    /// A line with this text, the cursor after it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// Takes a key; `false` where it means nothing here.
    pub fn take(&mut self, key: Key) -> bool {
        match key {
            Key::Char(letter) => {
                self.text.insert(self.cursor, letter);
                self.cursor += letter.len_utf8();
            }
            Key::Backspace | Key::Ctrl('h') => {
                let before = self.before();
                self.text.replace_range(before..self.cursor, "");
                self.cursor = before;
            }
            Key::Delete => {
                let after = self.after();
                self.text.replace_range(self.cursor..after, "");
            }
            Key::Left => self.cursor = self.before(),
            Key::Right => self.cursor = self.after(),
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = self.text.len(),
            Key::Ctrl('u') => {
                self.text.replace_range(..self.cursor, "");
                self.cursor = 0;
            }
            Key::Ctrl('k') => self.text.truncate(self.cursor),
            Key::Ctrl('w') => {
                let kept = self.text[..self.cursor].trim_end();
                let start = kept
                    .rfind(char::is_whitespace)
                    .map_or(0, |space| space + kept[space..].chars().next().map_or(0, char::len_utf8));
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let mut cursor = GraphemeCursor::new(self.cursor, self.text.len(), true);
        cursor.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_edit_whole_characters() {
        let mut line = Line::new("ab 日本👩‍👩‍👧");
        line.take(Key::Backspace);
        assert_eq!(line.text, "ab 日本");
        line.take(Key::Left);
        line.take(Key::Char('é'));
        assert_eq!(line.text, "ab 日é本");
        line.take(Key::Delete);
        assert_eq!((line.text.as_str(), line.cursor), ("ab 日é", line.text.len()));
        line.take(Key::Ctrl('w'));
        assert_eq!(line.text, "ab ");
        line.take(Key::Home);
        line.take(Key::Delete);
        line.take(Key::Right);
        line.take(Key::Ctrl('k'));
        assert_eq!(line.text, "b");
        line.take(Key::Ctrl('u'));
        line.take(Key::Backspace);
        line.take(Key::Right);
        assert_eq!((line.text.as_str(), line.cursor), ("", 0));
        assert!(!line.take(Key::Enter));
    }
}
