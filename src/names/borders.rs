//! Where words begin and end, in texts of any script: a name may stand between Japanese words without a space.

/// Whether the character that begins here is none that words of letters and digits go on with: punctuation
/// beyond ASCII, and the scripts that are written without spaces.
fn separates(lead: u8) -> bool {
    matches!(lead, 0xC2 | 0xE2..=0xED | 0xEF | 0xF0..=0xF4)
}

/// Whether a word goes on before this place.
pub(crate) fn joins_before(text: &[u8], at: usize) -> bool {
    before(text, at).is_some()
}

/// Whether a word goes on after this place.
pub(crate) fn joins_after(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || (*byte >= 0x80 && !separates(*byte)))
}

/// Where the character of a word begins that ends here.
fn before(text: &[u8], at: usize) -> Option<usize> {
    let mut place = at.checked_sub(1)?;
    if text[place].is_ascii() {
        return text[place].is_ascii_alphanumeric().then_some(place);
    }
    while place > 0 && text[place] & 0xC0 == 0x80 {
        place -= 1;
    }
    (!separates(text[place])).then_some(place)
}

/// The word around a place, not before `floor`.
pub(crate) fn word_around(text: &[u8], at: usize, floor: usize) -> (usize, usize) {
    let (mut start, mut end) = (at, at);
    while let Some(place) = before(text, start).filter(|place| *place >= floor) {
        start = place;
    }
    while joins_after(text, end) {
        end += 1;
        while text.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
            end += 1;
        }
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_other_scripts_and_marks() {
        for (text, word) in [
            ("a x1y b", "x1y"),
            ("“x1y”", "x1y"),
            ("番号はx1yです", "x1y"),
            ("größe1ß.", "größe1ß"),
            ("x1y…", "x1y"),
            ("🙂x1y🙂", "x1y"),
            ("x1y—z", "x1y"),
        ] {
            let digit = text.find('1').expect("there is one");
            let (start, end) = word_around(text.as_bytes(), digit, 0);
            assert_eq!(&text[start..end], word);
            assert!(!joins_before(text.as_bytes(), start) && !joins_after(text.as_bytes(), end));
        }
    }
}
