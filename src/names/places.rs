//! Places: directories, user and host, which are known on both sides from the start, in each written form.

use super::borders::{joins_after, joins_before};

/// One written form of a place: how the recording has it, and how this replay does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) recorded: Vec<u8>,
    pub(crate) new: Vec<u8>,
}

/// Names that stand for nothing in particular: alone they are words.
const COMMON: [&str; 31] = [
    "admin",
    "agent",
    "agents",
    "app",
    "backend",
    "build",
    "code",
    "data",
    "demo",
    "dev",
    "docs",
    "example",
    "frontend",
    "home",
    "host",
    "lib",
    "localhost",
    "main",
    "project",
    "repo",
    "root",
    "runner",
    "server",
    "source",
    "src",
    "test",
    "tests",
    "tmp",
    "ubuntu",
    "user",
    "work",
];

/// The written forms of every place that differs between the two sides. Both lists name places as
/// `Started.places` does; `directory` is the working directory.
pub(crate) fn forms(recorded: &[(String, String)], new: &[(String, String)]) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut add = |old: String, new: String| {
        if old != new && !old.is_empty() && !new.is_empty() {
            let form = Form { recorded: old.into_bytes(), new: new.into_bytes() };
            // The first form of two that are written alike counts: places come most particular first.
            if !forms.iter().any(|known| known.recorded == form.recorded || known.new == form.new) {
                forms.push(form);
            }
        }
    };
    for name in ["directory", "tmp", "home"] {
        let Some((old, new)) = pair(recorded, new, name) else { continue };
        let (old, new) = (old.trim_end_matches('/'), new.trim_end_matches('/'));
        if old.len() < 2 || new.len() < 2 {
            continue;
        }
        add(old.to_owned(), new.to_owned());
        for write in [escaped, percent, dashed, slugged] {
            let (old_form, new_form) = (write(old), write(new));
            if old_form != old && new_form != new {
                add(old_form, new_form);
            }
        }
    }
    if let Some((old, new)) = pair(recorded, new, "directory") {
        let last =
            |path: &str| path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let (old, new) = (last(old), last(new));
        if is_distinctive(&old) {
            add(old, new);
        }
    }
    for name in ["host", "user"] {
        if let Some((old, new)) = pair(recorded, new, name)
            && is_distinctive(old)
        {
            add(old.to_owned(), new.to_owned());
        }
    }
    forms
}

fn pair<'a>(recorded: &'a [(String, String)], new: &'a [(String, String)], name: &str) -> Option<(&'a str, &'a str)> {
    let find = |places: &'a [(String, String)]| {
        places.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    Some((find(recorded)?, find(new)?))
}

/// Whether a word says by itself which place is meant.
fn is_distinctive(word: &str) -> bool {
    word.len() >= 4
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !COMMON.contains(&word.to_ascii_lowercase().as_str())
}

/// As it stands inside JSON text with slashes and backslashes escaped.
fn escaped(path: &str) -> String {
    if path.contains('\\') { path.replace('\\', "\\\\") } else { path.replace('/', "\\/") }
}

/// Percent-encoded (RFC 3986), slashes too.
fn percent(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte.into());
        } else {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase();
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

/// As a folder's name, `-` for `/`.
fn dashed(path: &str) -> String {
    path.replace(['/', '\\'], "-")
}

/// As a folder's name, `-` for all but letters and digits.
fn slugged(path: &str) -> String {
    path.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

/// Whether a form that stands at this place of a text is the whole word or path there.
pub(crate) fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).map_or(b' ', |at| text[at]);
    let after = text.get(end).copied().unwrap_or(b' ');
    let beyond = text.get(end + 1).copied().unwrap_or(b' ');
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let form = &text[start..end];
    let (Some(first), Some(last)) = (form.first(), form.last()) else { return false };
    let path = form.contains(&b'/') || memchr::memmem::find(form, b"%2F").is_some();
    if (is_word(*first) || *first == b'/') && joins_before(text, start)
        || (*first == b'/' && matches!(before, b'.' | b'~' | b'_'))
    {
        return false;
    }
    if is_word(*last) && joins_after(text, end) {
        return false;
    }
    !path || !(matches!(after, b'_' | b'-') || (after == b'.' && is_word(beyond)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(places: &[(&str, &str)]) -> Vec<(String, String)> {
        places.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_form_of_a_place_is_known_on_both_sides() {
        let recorded = list(&[
            ("directory", "/home/me/x.w"),
            ("home", "/home/me"),
            ("user", "me"),
            ("host", "box-17"),
            ("tmp", "/tmp"),
        ]);
        let new =
            list(&[("directory", "/ci/job"), ("home", "/root"), ("user", "root"), ("host", "fv-1"), ("tmp", "/tmp")]);
        let forms = forms(&recorded, &new);
        let written: Vec<(String, String)> = forms
            .iter()
            .map(|form| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                (text(&form.recorded), text(&form.new))
            })
            .collect();
        assert_eq!(
            written,
            list(&[
                ("/home/me/x.w", "/ci/job"),
                ("\\/home\\/me\\/x.w", "\\/ci\\/job"),
                ("%2Fhome%2Fme%2Fx.w", "%2Fci%2Fjob"),
                ("-home-me-x.w", "-ci-job"),
                ("/home/me", "/root"),
                ("\\/home\\/me", "\\/root"),
                ("%2Fhome%2Fme", "%2Froot"),
                ("-home-me", "-root"),
                ("x.w", "job"),
                ("box-17", "fv-1"),
            ])
            .into_iter()
            .filter(|(old, _)| old != "x.w")
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_form_is_a_whole_path_or_word() {
        for (text, form, expected) in [
            ("in /home/me/x", "/home/me", true),
            ("in /home/me.", "/home/me", true),
            ("in /home/meredith", "/home/me", false),
            ("in /home/me-old", "/home/me", false),
            ("in /home/me.bak", "/home/me", false),
            ("in /mnt/home/me", "/home/me", false),
            ("file:///home/me", "/home/me", true),
            ("projects/-home-me-x", "-home-me", true),
            ("on box-17:", "box-17", true),
            ("on box-171", "box-17", false),
        ] {
            let at = text.find(form).expect("it is there");
            assert_eq!(stands_alone(text.as_bytes(), at, at + form.len()), expected, "{text}");
        }
    }
}
