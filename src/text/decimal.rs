//! Numbers by value, without ever being a float.

/// The number in its one normal form: `1`, `1.0` and `10e-1` are equal, any digits are kept. What is no
/// decimal number (`NaN`) is only lower-cased.
#[must_use]
pub fn normal(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    normal_into(raw, &mut out);
    out
}

/// Writes the normal form of a number after what stands in `out` already.
pub fn normal_into(raw: &[u8], out: &mut Vec<u8>) {
    // Most numbers are in their normal form: digits that neither begin nor end with 0.
    if let ([b'1'..=b'9', .., b'1'..=b'9'] | [b'0'..=b'9'], true) = (raw, raw.iter().all(u8::is_ascii_digit)) {
        out.extend_from_slice(raw);
        return;
    }
    let (negative, rest) = match raw.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, raw),
    };
    let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&rest[..at], std::str::from_utf8(&rest[at + 1..]).ok()),
        None => (rest, Some("0")),
    };
    let exponent = exponent.and_then(|text| text.strip_prefix('+').unwrap_or(text).parse::<i64>().ok());
    let (Some(mut exponent), Some(b'0'..=b'9')) = (exponent, mantissa.first()) else {
        out.extend(raw.iter().map(u8::to_ascii_lowercase));
        return;
    };
    if let Some(point) = mantissa.iter().position(|byte| *byte == b'.') {
        exponent = exponent.saturating_sub_unsigned((mantissa.len() - point - 1) as u64);
    }
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent = exponent.saturating_add(1);
    }
    let leading = digits.iter().take_while(|byte| **byte == b'0').count();
    digits.drain(..leading);
    if digits.is_empty() {
        out.push(b'0');
        return;
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits);
    if exponent != 0 {
        out.push(b'e');
        out.extend_from_slice(exponent.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_form() {
        for (left, right, equal) in [
            ("1", "1.0", true),
            ("1", "10e-1", true),
            ("-0", "0.000", true),
            ("1e3", "1000", true),
            ("0.1", "0.10000000000000000001", false),
            ("12345678901234567890123", "12345678901234567890124", false),
            ("-1", "1", false),
            ("NaN", "nan", true),
        ] {
            assert_eq!(normal(left.as_bytes()) == normal(right.as_bytes()), equal, "{left} {right}");
        }
    }
}
