//! Passages that texts share, spacing and escapes aside: folding, fingerprints and an index over them.
//!
//! Texts are compared folded: without white space, and with the escapes of JSON undone however often
//! they were applied. Fingerprints are winnowed (Schleimer, Wilkerson, Aiken: *Winnowing*, 2003), so
//! that two texts which share 15 folded bytes share a fingerprint.

use std::ops::Range;

/// Bytes of a shingle.
pub const GRAM: usize = 12;
/// Shingles of which one is a fingerprint.
const WINDOW: usize = 4;
/// Different bytes that a shingle has at least: rules and rows of zeros are no evidence.
const VARIETY: u32 = 4;
/// Texts that may share a fingerprint before it counts as common.
const COMMON: usize = 16;
/// Places of a fingerprint that are kept of one text.
const PLACES: usize = 4;
/// Bytes from which a match of a text is not searched again from other places in it.
const LONG: usize = 256;

/// What is done with the characters that are kept.
trait Sink {
    /// A run of bytes that are one character each, of which the first is this one of the original.
    fn run(&mut self, bytes: &[u8], start: usize);
    /// One character, made of these of the original.
    fn one(&mut self, bytes: &[u8], start: usize, end: usize);
}

/// A folded text.
#[must_use]
pub fn fold(text: &str) -> Vec<u8> {
    struct Bytes(Vec<u8>);
    impl Sink for Bytes {
        fn run(&mut self, bytes: &[u8], _: usize) {
            self.0.extend_from_slice(bytes);
        }
        fn one(&mut self, bytes: &[u8], _: usize, _: usize) {
            self.0.extend_from_slice(bytes);
        }
    }
    let mut bytes = Bytes(Vec::with_capacity(text.len()));
    walk(text, &mut bytes);
    bytes.0
}

/// Where each byte of a folded text came from, in characters of the original.
#[derive(Debug, Clone)]
pub struct Positions {
    spans: Vec<(u32, u32)>,
}

/// Finds where each byte of [`fold`]'s answer came from.
#[must_use]
pub fn positions(text: &str) -> Positions {
    let mut positions = Positions { spans: Vec::with_capacity(text.len()) };
    walk(text, &mut positions);
    positions
}

impl Sink for Positions {
    fn run(&mut self, bytes: &[u8], start: usize) {
        self.spans.extend((start..start + bytes.len()).map(|at| (place(at), place(at + 1))));
    }
    fn one(&mut self, bytes: &[u8], start: usize, end: usize) {
        self.spans.extend(bytes.iter().map(|_| (place(start), place(end))));
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Positions {
    /// Characters of the original that these folded bytes stand for.
    #[must_use]
    pub fn range(&self, folded: Range<usize>) -> Range<usize> {
        match (self.spans.get(folded.start), self.spans.get(folded.end.saturating_sub(1))) {
            (Some(first), Some(last)) if !folded.is_empty() => first.0 as usize..last.1 as usize,
            _ => 0..0,
        }
    }

    /// Whether something was folded away before this byte.
    fn gap_before(&self, at: usize) -> bool {
        at == 0 || at >= self.spans.len() || self.spans[at].0 > self.spans[at - 1].1
    }

    /// Whether a word may begin or end before this byte of the folded text.
    #[must_use]
    pub fn is_border(&self, folded: &[u8], at: usize) -> bool {
        let is_whole = folded.get(at).is_none_or(|byte| !is_inside(*byte));
        is_whole && (self.gap_before(at) || !(is_word(char_before(folded, at)) && is_word(char_at(folded, at))))
    }
}

fn char_at(folded: &[u8], at: usize) -> Option<char> {
    let end = (at + 1..folded.len()).find(|place| !is_inside(folded[*place])).unwrap_or(folded.len());
    std::str::from_utf8(folded.get(at..end)?).ok()?.chars().next()
}

fn char_before(folded: &[u8], at: usize) -> Option<char> {
    let start = (0..at).rev().find(|place| !is_inside(folded[*place]))?;
    char_at(folded, start)
}

/// Whether this byte continues a character of UTF-8.
fn is_inside(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Whether a character is part of a longer word; in scripts without spaces each stands alone.
fn is_word(character: Option<char>) -> bool {
    character.is_some_and(|character| {
        character == '_'
            || (character.is_alphanumeric()
                && !matches!(character, '\u{2E80}'..='\u{D7FF}' | '\u{20000}'..='\u{3FFFF}' | '\u{0E00}'..='\u{0EFF}'))
    })
}

/// Gives the characters that are kept.
fn walk(text: &str, sink: &mut impl Sink) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut place = 0;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_graphic() && **byte != b'\\').count();
        if run > 0 {
            sink.run(&bytes[at..at + run], place);
            at += run;
            place += run;
            continue;
        }
        let byte = bytes[at];
        if byte == b'\\' {
            let run = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
            let (start, after) = (place, at + run);
            at = after;
            place += run;
            match bytes.get(after) {
                Some(b'n' | b't' | b'r' | b'b' | b'f') => {
                    at += 1;
                    place += 1;
                }
                Some(b'u') => {
                    if let Some((character, used)) = unicode_escape(&bytes[after..]) {
                        at += used;
                        place += used;
                        if is_kept(character) {
                            sink.one(character.encode_utf8(&mut [0; 4]).as_bytes(), start, place);
                        }
                    }
                }
                Some(mark) if mark.is_ascii_graphic() => {
                    at += 1;
                    place += 1;
                    sink.one(&[*mark], start, place);
                }
                _ => {}
            }
        } else if byte.is_ascii() {
            at += 1;
            place += 1;
        } else {
            let width = match byte {
                0xF0.. => 4,
                0xE0.. => 3,
                _ => 2,
            };
            let character = &text[at..at + width];
            if character.chars().all(is_kept) {
                sink.one(character.as_bytes(), place, place + 1);
            }
            at += width;
            place += 1;
        }
    }
}

fn is_kept(character: char) -> bool {
    !character.is_whitespace()
        && !character.is_control()
        && !matches!(character, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

/// The character of `uXXXX`, or of a pair of them with backslashes between, and the bytes it takes.
fn unicode_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let first = hex4(bytes.get(1..5)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 5));
    }
    let run = bytes[5..].iter().take_while(|byte| **byte == b'\\').count();
    let rest = &bytes[5 + run..];
    let second = if run > 0 && rest.first() == Some(&b'u') { hex4(rest.get(1..5)?)? } else { 0 };
    if (0xD800..0xDC00).contains(&first) && (0xDC00..0xE000).contains(&second) {
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return Some((char::from_u32(code)?, 5 + run + 5));
    }
    Some((char::REPLACEMENT_CHARACTER, 5))
}

fn hex4(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Fingerprints of a folded text, in order: the smallest hash of each window, and its place. A text has
/// those of its parts, but for their edges.
pub fn fingerprints(folded: &[u8], mut found: impl FnMut(u64, usize)) {
    let mut window = [u64::MAX; WINDOW];
    let (mut best, mut best_at) = (u64::MAX, usize::MAX);
    let last = folded.len().saturating_sub(GRAM);
    shingles(folded, |hash, at| {
        window[at % WINDOW] = hash;
        let first = (at + 1).saturating_sub(WINDOW);
        let before = best_at;
        if best_at == usize::MAX || hash <= best {
            (best, best_at) = (hash, at);
        } else if best_at < first {
            (best, best_at) = (hash, at);
            for place in (first..at).rev() {
                if window[place % WINDOW] < best {
                    (best, best_at) = (window[place % WINDOW], place);
                }
            }
        }
        let is_window = at + 1 >= WINDOW || at == last;
        if is_window && (best_at != before || at + 1 == WINDOW || at == last && at + 1 < WINDOW) {
            found(best, best_at);
        }
    });
}

/// Hashes of all shingles and their places.
fn shingles(folded: &[u8], mut found: impl FnMut(u64, usize)) {
    const BASE: u64 = 0x0100_0000_01B3;
    if folded.len() < GRAM {
        return;
    }
    let step = |hash: u64, byte: u8| hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1);
    let drop = (0..GRAM).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut rolling = folded[..GRAM].iter().fold(0, |hash, byte| step(hash, *byte));
    found(mix(rolling), 0);
    for (at, (old, new)) in folded.iter().zip(&folded[GRAM..]).enumerate() {
        rolling = step(rolling, *new).wrapping_sub((u64::from(*old) + 1).wrapping_mul(drop));
        found(mix(rolling), at + 1);
    }
}

fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^ (hash >> 29)
}

/// Whether a shingle says enough to be evidence.
fn is_varied(gram: &[u8]) -> bool {
    let mut seen = [0_u64; 4];
    for byte in gram {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|bits| bits.count_ones()).sum::<u32>() >= VARIETY
}

/// Folded bytes from which a passage says where it is from though many texts hold it.
pub const PASSAGE: usize = 200;

/// A place of a fingerprint.
#[derive(Debug, Clone, Copy)]
struct Gram {
    hash: u64,
    text: u32,
    at: u32,
}

/// Folded texts, and where their fingerprints stand.
#[derive(Debug, Default)]
pub struct Index {
    texts: Vec<Vec<u8>>,
    grams: Vec<Gram>,
    /// Where the grams begin whose hash has these upper bits.
    buckets: Vec<u32>,
    shift: u32,
    /// A bit for every hash that may be there, by its lower bits.
    filter: Vec<u64>,
}

/// A passage that a folded text shares with one of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Match {
    /// The indexed text.
    pub text: usize,
    /// Its first byte there.
    pub from: usize,
    /// Its first byte in the other text.
    pub to: usize,
    /// How many bytes they share.
    pub len: usize,
}

impl Index {
    /// Makes an index over folded texts.
    #[must_use]
    pub fn new(texts: Vec<Vec<u8>>) -> Self {
        let mut grams = Vec::new();
        for (text, folded) in texts.iter().enumerate() {
            fingerprints(folded, |hash, at| {
                if is_varied(&folded[at..at + GRAM])
                    && let (Ok(text), Ok(at)) = (u32::try_from(text), u32::try_from(at))
                {
                    grams.push(Gram { hash, text, at });
                }
            });
        }
        grams.sort_unstable_by_key(|gram| (gram.hash, gram.text, gram.at));
        let mut kept = (0_u64, u32::MAX, 0_usize, 0_usize);
        grams.retain(|gram| {
            kept = match kept {
                (hash, text, texts, places) if hash == gram.hash && text == gram.text => {
                    (hash, text, texts, places + 1)
                }
                (hash, _, texts, _) if hash == gram.hash => (hash, gram.text, texts + 1, 1),
                _ => (gram.hash, gram.text, 1, 1),
            };
            kept.2 <= COMMON + 1 && kept.3 <= PLACES
        });
        grams.shrink_to_fit();
        let bits = (usize::BITS - grams.len().leading_zeros()).clamp(1, 28);
        let shift = 64 - bits;
        let mut buckets = vec![0_u32; (1 << bits) + 1];
        for gram in &grams {
            buckets[bucket(gram.hash, shift) + 1] += 1;
        }
        for place in 1..buckets.len() {
            buckets[place] += buckets[place - 1];
        }
        let mut filter = vec![0_u64; (grams.len() / 4).next_power_of_two().max(1)];
        for gram in &grams {
            let (word, bit) = filter_place(gram.hash, filter.len());
            filter[word] |= bit;
        }
        Self { texts, grams, buckets, shift, filter }
    }

    /// A folded text.
    #[must_use]
    pub fn text(&self, text: usize) -> &[u8] {
        &self.texts[text]
    }

    fn grams(&self, hash: u64) -> &[Gram] {
        let (word, bit) = filter_place(hash, self.filter.len().max(1));
        if self.filter.get(word).is_none_or(|bits| bits & bit == 0) {
            return &[];
        }
        let bucket = bucket(hash, self.shift);
        let grams = &self.grams[self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize];
        let start = grams.partition_point(|gram| gram.hash < hash);
        let end = start + grams[start..].iter().take_while(|gram| gram.hash == hash).count();
        &grams[start..end]
    }

    /// Whether more texts hold a fingerprint than one could be told from.
    #[must_use]
    pub fn is_common(&self, hash: u64) -> bool {
        is_common(self.grams(hash))
    }

    /// Passages that a folded text shares with the indexed ones, each as long as can be. `seen` is told
    /// every fingerprint that indexed texts hold too, with one of these texts at a time.
    pub fn find(&self, folded: &[u8], mut seen: impl FnMut(u64, usize)) -> Vec<Match> {
        let mut matches: Vec<Match> = Vec::new();
        // Matches that reach beyond the present place.
        let mut open: Vec<(usize, Match)> = Vec::new();
        shingles(folded, |hash, to| {
            let grams = self.grams(hash);
            if grams.is_empty() {
                return;
            }
            open.retain(|(end, _)| to < *end);
            // What too many texts hold tells nothing of where it is from; only a long passage of it does.
            let least = if is_common(grams) { PASSAGE } else { 0 };
            for gram in grams {
                let (text, from) = (gram.text as usize, gram.at as usize);
                seen(hash, text);
                let is_known = open.iter().any(|(end, found)| {
                    found.text == text
                        && (found.from + (to - found.to) == from || (found.len >= LONG && to + GRAM <= *end))
                });
                if is_known {
                    continue;
                }
                if let Some(found) = self.extend(folded, text, from, to).filter(|found| found.len >= least) {
                    open.push((found.to + found.len, found));
                    matches.push(found);
                }
            }
        });
        matches.sort_by_key(|found| (found.to, found.text, found.from));
        matches
    }

    /// The longest match around a shared shingle; `None` if the hashes lied.
    fn extend(&self, folded: &[u8], text: usize, from: usize, to: usize) -> Option<Match> {
        let source = &self.texts[text];
        if source[from..from + GRAM] != folded[to..to + GRAM] {
            return None;
        }
        let mut back = source[..from].iter().rev().zip(folded[..to].iter().rev()).take_while(|(a, b)| a == b).count();
        let (rest, other) = (&source[from + GRAM..], &folded[to + GRAM..]);
        let mut end = to + GRAM + rest.iter().zip(other).take_while(|(a, b)| a == b).count();
        while back > 0 && is_inside(folded[to - back]) {
            back -= 1;
        }
        while end > to && folded.get(end).is_some_and(|byte| is_inside(*byte)) {
            end -= 1;
        }
        Some(Match { text, from: from - back, to: to - back, len: end - (to - back) })
    }
}

fn is_common(grams: &[Gram]) -> bool {
    let repeats = grams.windows(2).filter(|pair| pair[0].text == pair[1].text).count();
    grams.len() - repeats > COMMON
}

/// Word and bit of a filter with this many words, a power of two.
fn filter_place(hash: u64, words: usize) -> (usize, u64) {
    let word = usize::try_from((hash >> 6) & (words as u64 - 1)).expect("it is below the number of words");
    (word, 1 << (hash & 63))
}

fn bucket(hash: u64, shift: u32) -> usize {
    usize::try_from(hash >> shift).expect("at most 28 bits are left")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(text: &str) -> String {
        String::from_utf8(fold(text)).expect("folding keeps characters whole")
    }

    #[test]
    fn spacing_and_escapes_fold_away() {
        for (text, expected) in [
            ("a b\n c\t", "abc"),
            (r#"a\nb \"c\""#, r#"ab"c""#),
            (r#"a\\nb \\\"c\\\""#, r#"ab"c""#),
            (r"caf\u00e9 \ud83d\ude00", "café😀"),
            (r"caf\\u00e9 \\ud83d\\ude00", "café😀"),
            ("café 😀\u{200B}\u{A0}", "café😀"),
            (r"\ud83d \u12", "\u{FFFD}u12"),
            (r"end\", "end"),
            (r"a\/b \é", "a/bé"),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
    }

    #[test]
    fn json_strings_fold_like_their_text() {
        proptest!(|(text in any::<String>())| {
            // Backslashes before a letter of an escape are read as that escape on both sides.
            let once = crate::text::json::quote(&text);
            let twice = crate::text::json::quote(&once[1..once.len() - 1]);
            let once = &once[1..once.len() - 1];
            let twice = &twice[1..twice.len() - 1];
            prop_assert_eq!(folded(once), folded(twice));
            if !text.contains('\\') {
                prop_assert_eq!(folded(&text), folded(once));
            }
        });
    }

    #[test]
    fn positions_lead_back_to_characters() {
        let text = "é x\\\"y\\u00e9 z";
        let bytes = fold(text);
        let positions = positions(text);
        assert_eq!(String::from_utf8_lossy(&bytes), "éx\"yéz");
        let find = |needle: &str| {
            let at = bytes.windows(needle.len()).position(|window| window == needle.as_bytes()).expect("there");
            let range = positions.range(at..at + needle.len());
            text.chars().skip(range.start).take(range.len()).collect::<String>()
        };
        assert_eq!(find("éx"), "é x");
        assert_eq!(find("\"y"), "\\\"y");
        assert_eq!(find("yéz"), "y\\u00e9 z");
        assert!(positions.is_border(&bytes, 2) && positions.is_border(&bytes, 3) && !positions.is_border(&bytes, 5));
    }

    #[test]
    fn every_shared_passage_of_fifteen_bytes_is_found() {
        let text = "[ -Z]{0,60}";
        proptest!(|(before in text, after in text, other in text, rest in text, shared in "[a-z]{4}[A-Z]{5}[0-9]{6}")| {
            let source = fold(&format!("{before}{shared}{after}"));
            let target = fold(&format!("{other}{shared}{rest}"));
            let index = Index::new(vec![source.clone()]);
            let matches = index.find(&target, |_, _| {});
            let shared = fold(&shared);
            let whole = matches.iter().any(|found| {
                let from = &source[found.from..found.from + found.len];
                from == &target[found.to..found.to + found.len]
                    && from.windows(shared.len()).any(|window| window == shared)
            });
            prop_assert!(whole, "{matches:?}");
        });
    }

    #[test]
    fn long_repeats_are_found_once() {
        let line = "the same line of a log, again and again. ";
        let index = Index::new(vec![fold(&line.repeat(3000))]);
        let matches = index.find(&fold(&line.repeat(2000)), |_, _| {});
        assert!(matches.len() <= PLACES, "{}", matches.len());
        assert!(matches.iter().any(|found| found.to == 0 && found.len == fold(&line.repeat(2000)).len()));
        assert!(Index::new(vec![fold(&"=-".repeat(500))]).find(&fold(&"=-".repeat(500)), |_, _| {}).is_empty());
    }
}
