//! Places that differ between machines: home, temporary directory, user and host.

use super::variable;

/// `home`, `tmp`, `user` and `host` with their values; what is unknown is left out.
#[must_use]
pub fn places() -> Vec<(String, String)> {
    let directory = |value: String| {
        let trimmed = value.trim_end_matches('/');
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    };
    let found = [
        ("home", variable("HOME").and_then(directory)),
        ("tmp", variable("TMPDIR").and_then(directory).or_else(|| Some("/tmp".to_owned()))),
        ("user", variable("USER").or_else(|| variable("LOGNAME"))),
        ("host", variable("RETAKE_TEST_HOST").or_else(host)),
    ];
    found
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|value| !value.is_empty())?)))
        .collect()
}

fn host() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_a_name() {
        assert!(places().iter().any(|(name, value)| name == "host" && !value.is_empty()));
    }
}
