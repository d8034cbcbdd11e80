//! Content codings, removed from a copy of a body for the record.

use std::io::{self, Write};

use bytes::Bytes;

/// A decoded body may be this much; beyond it the rest is not recorded.
const MOST: usize = 1 << 30;

/// How much is decoded at a time, so that the bound holds: zstd makes 128 KiB of four bytes, so 8 MiB of a step.
const STEP: usize = 256;

/// How much a decoder keeps at a time.
const BUFFER: usize = 16 << 10;

/// Removes the content codings of one body, piece by piece.
pub(crate) struct Decoder {
    /// Last applied coding first.
    layers: Vec<Layer>,
    made: usize,
    broken: Option<String>,
}

enum Layer {
    Gzip(Box<flate2::write::MultiGzDecoder<Vec<u8>>>),
    /// `deflate` before its first byte: some servers leave the zlib wrapper out.
    Deflate,
    Zlib(Box<flate2::write::ZlibDecoder<Vec<u8>>>),
    Raw(Box<flate2::write::DeflateDecoder<Vec<u8>>>),
    Brotli(Box<brotli_decompressor::DecompressorWriter<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Vec<u8>>>),
}

impl Decoder {
    /// A decoder for this `content-encoding`, and the codings that it removes (`gzip, br`; empty if
    /// there are none or one of them is not known, and the body then stays as it is).
    pub(crate) fn new(content_encoding: Option<&str>) -> (Self, String) {
        let names: Vec<String> = content_encoding
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != "identity")
            .collect();
        let layers: Option<Vec<Layer>> = names.iter().rev().map(|name| layer(name)).collect();
        let plain = Self { layers: Vec::new(), made: 0, broken: None };
        match layers {
            Some(layers) if !layers.is_empty() => (Self { layers, ..plain }, names.join(", ")),
            _ => (plain, String::new()),
        }
    }

    /// What this piece decodes to; nothing once the coding turned out to be broken.
    pub(crate) fn push(&mut self, piece: &Bytes) -> Bytes {
        if self.layers.is_empty() {
            return piece.clone();
        }
        let mut out = Vec::new();
        for part in piece.chunks(STEP) {
            if self.broken.is_some() {
                break;
            }
            if let Err(error) = decode_step(&mut self.layers, part, &mut out, MOST.saturating_sub(self.made)) {
                self.broken = Some(error.to_string());
            }
        }
        self.made += out.len();
        out.into()
    }

    /// Why decoding stopped, once.
    pub(crate) fn take_error(&mut self) -> Option<String> {
        match &mut self.broken {
            Some(reason) if !reason.is_empty() => Some(std::mem::take(reason)),
            _ => None,
        }
    }
}

/// Decodes a step through all layers; no layer makes more of it than one step can become.
fn decode_step(layers: &mut [Layer], part: &[u8], out: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let Some((layer, further)) = layers.split_first_mut() else {
        if out.len() + part.len() > most {
            return Err(io::Error::other(format!("it decodes to more than {} MiB", MOST >> 20)));
        }
        out.extend_from_slice(part);
        return Ok(());
    };
    let decoded = layer.push(part)?;
    if further.is_empty() {
        return decode_step(further, &decoded, out, most);
    }
    decoded.chunks(STEP).try_for_each(|step| decode_step(further, step, out, most))
}

/// The body without its content codings and their names; as it is and no name where that fails.
pub(crate) fn decode(content_encoding: Option<&str>, body: &Bytes) -> (Bytes, String) {
    let (mut decoder, names) = Decoder::new(content_encoding);
    let whole = decoder.push(body);
    if decoder.broken.is_some() { (body.clone(), String::new()) } else { (whole, names) }
}

/// Whether every coding that this `content-encoding` names is one that is removed.
pub(crate) fn is_removable(content_encoding: &str) -> bool {
    content_encoding.split(',').map(str::trim).all(|name| {
        name.is_empty() || name.eq_ignore_ascii_case("identity") || layer(&name.to_ascii_lowercase()).is_some()
    })
}

fn layer(name: &str) -> Option<Layer> {
    Some(match name {
        "gzip" | "x-gzip" => Layer::Gzip(Box::new(flate2::write::MultiGzDecoder::new(Vec::new()))),
        "deflate" => Layer::Deflate,
        "br" => Layer::Brotli(Box::new(brotli_decompressor::DecompressorWriter::new(Vec::new(), BUFFER))),
        "zstd" => Layer::Zstd(Box::new(zstd::stream::write::Decoder::new(Vec::new()).ok()?)),
        _ => return None,
    })
}

impl Layer {
    fn push(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        if matches!(self, Self::Deflate) {
            let Some(first) = bytes.first() else { return Ok(Vec::new()) };
            // RFC 1950: compression method 8 in the low half, window of at most 32 KiB in the high one.
            *self = if first & 0x0f == 8 && first >> 4 <= 7 {
                Self::Zlib(Box::new(flate2::write::ZlibDecoder::new(Vec::new())))
            } else {
                Self::Raw(Box::new(flate2::write::DeflateDecoder::new(Vec::new())))
            };
        }
        match self {
            Self::Deflate => Ok(Vec::new()),
            Self::Gzip(decoder) => through(decoder.as_mut(), bytes, |decoder| decoder.get_mut()),
            Self::Zlib(decoder) => through(decoder.as_mut(), bytes, |decoder| decoder.get_mut()),
            Self::Raw(decoder) => through(decoder.as_mut(), bytes, |decoder| decoder.get_mut()),
            Self::Brotli(decoder) => through(decoder.as_mut(), bytes, |decoder| decoder.get_mut()),
            Self::Zstd(decoder) => through(decoder.as_mut(), bytes, |decoder| decoder.get_mut()),
        }
    }
}

fn through<D: Write>(decoder: &mut D, bytes: &[u8], out: fn(&mut D) -> &mut Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    decoder.write_all(bytes)?;
    decoder.flush()?;
    Ok(std::mem::take(out(decoder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn check(encoding: &str, coded: Vec<u8>, names: &str) {
        let text: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
        let coded = Bytes::from(coded);
        assert_eq!(decode(Some(encoding), &coded), (Bytes::from(text.clone()), names.to_owned()), "{encoding}");
        let (mut decoder, _) = Decoder::new(Some(encoding));
        let bytewise: Vec<u8> = coded.iter().flat_map(|byte| decoder.push(&Bytes::copy_from_slice(&[*byte]))).collect();
        assert!(bytewise == text, "{encoding} byte by byte");
    }

    #[test]
    fn every_coding_is_removed_whole_and_byte_by_byte() {
        let text: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&text).unwrap();
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        raw.write_all(&text).unwrap();
        check("gzip", gzip(&text), "gzip");
        check("x-gzip", gzip(&text), "x-gzip");
        check("deflate", zlib.finish().unwrap(), "deflate");
        check("deflate", raw.finish().unwrap(), "deflate");
        check("zstd", zstd::encode_all(&text[..], 3).unwrap(), "zstd");
        check("Zstd, gzip", gzip(&zstd::encode_all(&text[..], 3).unwrap()), "zstd, gzip");
        check("identity", text, "");
    }

    #[test]
    fn brotli_is_removed() {
        // "hello hello hello hello", as `brotli` of Node writes it.
        let coded: &[u8] = &[
            0x1b, 0x16, 0x00, 0xf8, 0x8d, 0x94, 0x6e, 0xde, 0x44, 0x55, 0x86, 0x96, 0x6c, 0x20, 0x6f, 0x21, 0x4f, 0x1c,
            0xe0, 0x38,
        ];
        let (decoded, names) = decode(Some("br"), &Bytes::from_static(coded));
        assert_eq!((names.as_str(), &decoded[..]), ("br", &b"hello hello hello hello"[..]));
    }

    #[test]
    fn no_step_becomes_more_than_is_allowed() {
        let zeros = vec![0; 32 << 20];
        let once = zstd::encode_all(&zeros[..], 3).unwrap();
        let twice = zstd::encode_all(&once[..], 3).unwrap();
        for (encoding, coded) in [("zstd", &once), ("zstd, zstd", &twice), ("gzip", &gzip(&zeros))] {
            let (mut decoder, _) = Decoder::new(Some(encoding));
            let mut out = Vec::new();
            let decoded =
                coded.chunks(STEP).try_for_each(|step| decode_step(&mut decoder.layers, step, &mut out, 1 << 20));
            assert!(decoded.is_err() && out.len() <= 1 << 20, "{encoding}: {}", out.len());
        }
    }

    #[test]
    fn what_is_unknown_or_broken_stays_as_it_is() {
        let body = Bytes::from_static(b"not gzip at all");
        assert_eq!(decode(Some("gzip"), &body), (body.clone(), String::new()));
        assert_eq!(decode(Some("lzma"), &body), (body.clone(), String::new()));
        assert_eq!(decode(None, &body), (body, String::new()));
        assert!(is_removable("gzip, br") && is_removable("identity") && !is_removable("gzip, lzma"));
    }
}
