//! A canonical request with the pieces of its texts, and the hashes by which it is looked up.

use std::ops::Range;

use super::naming::{epoch, whole};
use super::opaque::{Class, Piece, Splitter, is_port};
use crate::wire::canonical::{Canonical, Key, TokenKind};

/// Fields whose values are never taken apart: they count as they stand.
const LITERAL: [&[u8]; 5] = [b"thinking", b"signature", b"encrypted_content", b"data", b"model"];

/// The pieces of a canonical request's tokens.
#[derive(Debug)]
pub(crate) struct Split {
    pieces: Vec<Piece>,
    /// Where the pieces of each token begin, and at last where they end.
    starts: Vec<u32>,
    /// Tokens that count as they stand, in order.
    literals: Vec<u32>,
    /// Tokens in the order in which they are compared, where it is not their own.
    order: Option<Vec<u32>>,
}

/// Whether the value after this token is never taken apart.
pub(crate) fn is_literal(kind: TokenKind, text: &[u8]) -> bool {
    kind == TokenKind::Key && LITERAL.contains(&text)
}

/// Appends the pieces of one token.
pub(crate) fn split_token(splitter: &Splitter, kind: TokenKind, text: &[u8], pieces: &mut Vec<Piece>) {
    match kind {
        TokenKind::Key | TokenKind::Text => splitter.split(text, pieces),
        TokenKind::Number if epoch(text).is_some() => pieces.push(Piece {
            start: 0,
            end: u32::try_from(text.len()).unwrap_or(u32::MAX),
            class: Class::Reading,
            sure: false,
            reading: true,
        }),
        _ => {}
    }
}

impl Split {
    /// Takes a request apart.
    pub(crate) fn new(splitter: &Splitter, canonical: &Canonical) -> Self {
        let mut pieces = Vec::new();
        let mut starts = Vec::with_capacity(canonical.tokens.len() + 1);
        let mut literal = false;
        let mut literals = Vec::new();
        let mut names_in_keys = false;
        let mut port = false;
        for token in &canonical.tokens {
            let start = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
            starts.push(start);
            let text = canonical.bytes(token);
            match token.kind {
                TokenKind::Number if port && epoch(text).is_none() && is_port(&whole(text)) => pieces.push(Piece {
                    start: 0,
                    end: u32::try_from(text.len()).unwrap_or(u32::MAX),
                    class: Class::Port,
                    sure: false,
                    reading: false,
                }),
                TokenKind::Text if literal => literals.push(u32::try_from(starts.len() - 1).unwrap_or(u32::MAX)),
                kind => split_token(splitter, kind, text, &mut pieces),
            }
            names_in_keys |= token.kind == TokenKind::Key && pieces.len() > start as usize;
            port = token.kind == TokenKind::Key && text.to_ascii_lowercase().ends_with(b"port");
            literal = is_literal(token.kind, text);
        }
        starts.push(u32::try_from(pieces.len()).unwrap_or(u32::MAX));
        let mut split = Self { pieces, starts, literals, order: None };
        if names_in_keys {
            split.order = Some(split.ordered(canonical));
        }
        split
    }

    /// The pieces of a token.
    pub(crate) fn pieces(&self, token: usize) -> &[Piece] {
        &self.pieces[self.starts[token] as usize..self.starts[token + 1] as usize]
    }

    /// Whether a token counts as it stands.
    pub(crate) fn is_literal(&self, token: usize) -> bool {
        u32::try_from(token).is_ok_and(|token| self.literals.binary_search(&token).is_ok())
    }

    /// The token at a place of the order in which they are compared.
    pub(crate) fn at(&self, place: usize) -> usize {
        self.order.as_ref().map_or(place, |order| order[place] as usize)
    }

    /// Hash of everything but names, readings and results of tools.
    pub(crate) fn skeleton(&self, canonical: &Canonical) -> Key {
        let mut masked = Vec::with_capacity(64 * 1024);
        each(
            canonical,
            |place| self.at(place),
            |place| match place {
                None => masked.push(b'R'),
                Some(token) => {
                    masked.push(canonical.tokens[token].kind as u8);
                    self.mask(token, canonical.bytes(&canonical.tokens[token]), &mut masked);
                    masked.push(0xFF);
                }
            },
        );
        *blake3::hash(&masked).as_bytes()
    }

    fn mask(&self, token: usize, text: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        for piece in self.pieces(token) {
            out.extend_from_slice(&text[at..piece.start as usize]);
            out.push(0);
            at = piece.end as usize;
        }
        out.extend_from_slice(&text[at..]);
    }

    /// Tokens with the members of objects sorted by their masked keys: a name in a key must not decide its place.
    fn ordered(&self, canonical: &Canonical) -> Vec<u32> {
        let tokens = &canonical.tokens;
        let mut ends = vec![0; tokens.len()];
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut keys: Vec<Option<usize>> = vec![None; tokens.len()];
        for (place, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Open => {
                    keys[place] = Some(members.len());
                    open.push((place, members.len()));
                    members.push(Vec::new());
                }
                TokenKind::Close => {
                    if let Some((start, _)) = open.pop() {
                        ends[start] = place;
                    }
                }
                TokenKind::Key => {
                    if let Some((_, list)) = open.last() {
                        members[*list].push(place);
                    }
                }
                _ => {}
            }
        }
        let masked = |key: usize| {
            let mut out = Vec::new();
            self.mask(key, canonical.bytes(&tokens[key]), &mut out);
            out
        };
        let mut order = Vec::with_capacity(tokens.len());
        let all = 0..tokens.len();
        let mut waiting: Vec<Range<usize>> = vec![all];
        while let Some(range) = waiting.pop() {
            let mut place = range.start;
            while place < range.end {
                order.push(u32::try_from(place).unwrap_or(u32::MAX));
                let list = keys[place].map(|list| &members[list]).filter(|list| {
                    list.len() > 1 && ends[place] > place && list.iter().any(|key| !self.pieces(*key).is_empty())
                });
                if let Some(list) = list {
                    let end = ends[place];
                    waiting.push(end..range.end);
                    let next = list.iter().skip(1).copied().chain([end]);
                    let mut parts: Vec<(Vec<u8>, Range<usize>)> =
                        list.iter().zip(next).map(|(key, next)| (masked(*key), *key..next)).collect();
                    parts.sort_by(|left, right| left.0.cmp(&right.0));
                    waiting.extend(parts.into_iter().rev().map(|(_, part)| part));
                    break;
                }
                place += 1;
            }
        }
        order
    }
}

/// Hash of what is cheap to read: how many tokens there are of each kind, and the words and ids
/// among them. Results do not count, nor does any order: names in keys move members.
pub(crate) fn structure(canonical: &Canonical) -> Key {
    let mut counts = [0_u64; 16];
    let mut words = 0_u64;
    each(
        canonical,
        |place| place,
        |place| {
            let Some(token) = place.map(|token| &canonical.tokens[token]) else { return counts[15] += 1 };
            counts[token.kind as usize & 15] += 1;
            if matches!(token.kind, TokenKind::Word | TokenKind::Id | TokenKind::Reference | TokenKind::Open) {
                // FNV-1a.
                let hash = canonical.bytes(token).iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                    (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
                });
                words = words.wrapping_add(hash);
            }
        },
    );
    let mut read = Vec::with_capacity(17 * 8);
    for count in counts.iter().chain([&words]) {
        read.extend_from_slice(&count.to_le_bytes());
    }
    *blake3::hash(&read).as_bytes()
}

/// Visits the tokens in order; a whole result of a tool is `None`.
fn each(canonical: &Canonical, at: impl Fn(usize) -> usize, mut visit: impl FnMut(Option<usize>)) {
    let mut results: Vec<Range<usize>> =
        canonical.results.iter().map(|result| result.tokens.clone()).filter(|tokens| !tokens.is_empty()).collect();
    results.sort_by_key(|span| span.start);
    let mut results = results.into_iter().peekable();
    let mut place = 0;
    while place < canonical.tokens.len() {
        let token = at(place);
        if let Some(result) = results.peek()
            && result.start == token
        {
            place += result.len();
            results.next();
            visit(None);
        } else {
            visit(Some(token));
            place += 1;
        }
    }
}
