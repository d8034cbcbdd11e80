//! Forms that a secret may be written in: JSON escapes, percent signs, base64.

use std::ops::Range;

/// The inside of a JSON string, decoded, with the way back to where each byte was written.
pub(super) struct Decoded {
    pub(super) text: Vec<u8>,
    /// Place of each byte before decoding, and the end; empty if nothing was escaped.
    places: Vec<usize>,
}

impl Decoded {
    /// Decodes what stands between a string's quotes.
    pub(super) fn of(inner: &[u8]) -> Self {
        if memchr::memchr(b'\\', inner).is_none() {
            return Self { text: inner.to_vec(), places: Vec::new() };
        }
        let mut text = Vec::with_capacity(inner.len());
        let mut places = Vec::with_capacity(inner.len() + 1);
        let mut at = 0;
        while at < inner.len() {
            let length = if inner[at] == b'\\' { escape_length(&inner[at..]) } else { 1 };
            if length == 1 {
                text.push(inner[at]);
            } else {
                let mut quoted = Vec::with_capacity(length + 2);
                quoted.push(b'"');
                quoted.extend_from_slice(&inner[at..at + length]);
                quoted.push(b'"');
                text.extend_from_slice(&crate::text::json::decode(&quoted));
            }
            places.resize(text.len(), at);
            at += length;
        }
        places.push(inner.len());
        Self { text, places }
    }

    /// Range before decoding of a range after it.
    pub(super) fn before(&self, range: &Range<usize>) -> Range<usize> {
        if self.places.is_empty() { range.clone() } else { self.places[range.start]..self.places[range.end] }
    }

    /// Place after decoding of a place before it.
    pub(super) fn place(&self, before: usize) -> usize {
        if self.places.is_empty() { before } else { self.places.partition_point(|place| *place < before) }
    }
}

/// Length of the escape that begins here; a surrogate pair is one.
fn escape_length(text: &[u8]) -> usize {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    };
    match text.get(1) {
        None => 1,
        Some(b'u') => match (unit(0), unit(6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(_), _) => 6,
            _ => 2,
        },
        Some(_) => 2,
    }
}

/// A text as it stands in JSON strings, one inside the other.
pub(super) fn escape(text: Vec<u8>, depth: usize) -> Vec<u8> {
    (0..depth).fold(text, |text, _| {
        let mut out = Vec::with_capacity(text.len() + 8);
        for byte in text {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0..=0x1F => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => out.push(byte),
            }
        }
        out
    })
}

/// Whether a place in JSON text is inside an escape: after an odd number of backslashes, or in `\u12` of `\u12ab`.
pub(super) fn in_escape(text: &[u8], at: usize) -> bool {
    let odd = |at: usize| text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    if odd(at) {
        return true;
    }
    let hex = text[..at].iter().rev().take(3).take_while(|byte| byte.is_ascii_hexdigit()).count();
    (0..=hex).any(|hex| {
        let u = at - hex;
        u > 0 && text[u - 1] == b'u' && odd(u - 1)
    })
}

/// Percent signs decoded; what is no escape stays.
pub(super) fn percent_decoded(text: &[u8], plus_is_space: bool) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            (b'+', ..) if plus_is_space => {
                out.push(b' ');
                at += 1;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether a byte stands in base64 of either alphabet.
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte)
}

/// Base64 without padding.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 4 / 3 + 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, place| bits << 8 | usize::from(group.get(place).copied().unwrap_or(0)));
        out.extend((0..=group.len()).map(|place| BASE64[bits >> (18 - 6 * place) & 63]));
    }
    out
}

/// Base64 of either alphabet decoded, padding or not; `None` if it is something else.
pub(super) fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let mut bits = 0_u32;
    let mut have = 0;
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push(u8::try_from(bits >> have & 0xFF).unwrap_or_default());
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_knows_the_way_back() {
        let inner = br"a\n\u00e9\ud83d\ude00\\b";
        let decoded = Decoded::of(inner);
        assert_eq!(decoded.text, "a\né😀\\b".as_bytes());
        assert_eq!(decoded.before(&(1..2)), 1..3);
        assert_eq!(&inner[decoded.before(&(4..8))], br"\ud83d\ude00");
        assert_eq!(&inner[decoded.before(&(9..10))], b"b");
        assert_eq!(decoded.place(3), 2);
        assert_eq!(Decoded::of(br"\").text, br"\");
    }

    #[test]
    fn base64_goes_both_ways() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar", "\u{ff}\u{fe}?"] {
            assert_eq!(base64_decoded(&base64(text.as_bytes())).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(base64(b"user:key"), b"dXNlcjprZXk");
        assert_eq!(base64_decoded(b"dXNlcjprZXk="), Some(b"user:key".to_vec()));
        assert_eq!(base64_decoded(b"a b"), None);
    }

    #[test]
    fn escapes_are_known_from_inside() {
        for (text, inside) in [(r"\n", true), (r"\\n", false), (r"\u0", true), (r"\u00e", true), (r"\u00e9", false)] {
            let text = format!("{text}a");
            let at = text.len() - if text.starts_with(r"\u") { 1 } else { 2 };
            assert_eq!(in_escape(text.as_bytes(), at), inside, "{text}");
        }
        assert_eq!(percent_decoded(b"a%2Bb+c%zz%", true), b"a+b c%zz%");
    }
}
