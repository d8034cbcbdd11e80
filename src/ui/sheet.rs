//! A view that knows where in it the fields stand that it shows.

use std::fmt;

/// Text, and the fields that stand in it.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// The text, as [`super::Paper`] painted it.
    pub text: String,
    /// Fields in the order of the text.
    pub places: Vec<Place>,
}

/// Where a field begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Byte of the text where its heading begins.
    pub at: usize,
    /// The field, in the words of `--set`.
    pub path: String,
    /// Whether it was in the call before already.
    pub carried: bool,
}

impl Sheet {
    /// Says that this field comes next.
    pub(super) fn place(&mut self, path: &str, carried: bool) {
        self.places.push(Place { at: self.text.len(), path: path.to_owned(), carried });
    }
}

impl fmt::Write for Sheet {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}
