//! Whose a run is: what this user recorded here carries a mark that no file from elsewhere can have.

use super::library;
use crate::config;
use crate::model::RunId;
use crate::model::event::{Event, Started};
use crate::redact::Redactor;
use crate::store::Store;

/// What the ledger says of a run that came from elsewhere.
pub(crate) const IMPORTED: &str = "imported";

/// What it says of one that was recorded here, before the mark.
const OWN: &str = "own ";

/// Marks a run that begins as one of this user's. Without a place for the user's secret there are no marks.
pub(crate) fn mark(store: &Store, run: &RunId, started: &Started, redactor: &Redactor) {
    let Some(key) = config::secret() else { return };
    for event in redactor.event(&Event::Started(started.clone())) {
        if let Event::Started(started) = event {
            // Without the mark it is taken for a stranger's: its command is asked about, and nothing is lost.
            let _ = store.note(run, &format!("{OWN}{}", of(&key, run, &started)), config::now());
        }
    }
}

/// Whether a run of the store came from elsewhere: by import, as a copied file, with a clone, or by another user.
pub(crate) fn is_strange(store: &Store, run: &RunId, started: &Started) -> Result<bool, super::Error> {
    let said = store.notes(run).map_err(|error| library::failed(&error))?;
    let marks: Vec<&str> = said.iter().filter_map(|remark| remark.text.strip_prefix(OWN)).collect();
    if marks.is_empty() || said.iter().any(|remark| remark.text == IMPORTED) {
        return Ok(true);
    }
    let Some(key) = config::secret() else { return Ok(true) };
    let own = of(&key, run, started);
    Ok(!marks.contains(&own.as_str()))
}

/// The mark: a keyed hash of the run's name and of all that a replay takes from how it began.
fn of(key: &[u8; 32], run: &RunId, started: &Started) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(run.as_str());
    add(&started.directory);
    add(&started.command.len().to_string());
    started.command.iter().for_each(|word| add(word));
    for (provider, url) in &started.upstreams {
        add(provider);
        add(url);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_user_run_command_and_upstream() {
        let run = RunId::from_seed(1);
        let started = |command: &[&str], upstream: &str| Started {
            command: command.iter().map(|&word| word.to_owned()).collect(),
            directory: "/work".into(),
            upstreams: vec![("openai".into(), upstream.into())],
            ..Started::default()
        };
        let one = started(&["python", "a.py"], "https://a.example");
        let mark = of(&[1; 32], &run, &one);
        assert_eq!(of(&[1; 32], &run, &one.clone()), mark);
        assert_ne!(of(&[2; 32], &run, &one), mark);
        assert_ne!(of(&[1; 32], &RunId::from_seed(2), &one), mark);
        for other in [
            started(&["python", "b.py"], "https://a.example"),
            started(&["python a.py"], "https://a.example"),
            started(&["pythona", ".py"], "https://a.example"),
            started(&["python", "a.py"], "https://b.example"),
            Started { directory: "/tmp".into(), ..one.clone() },
            Started { upstreams: Vec::new(), ..one.clone() },
        ] {
            assert_ne!(of(&[1; 32], &run, &other), mark, "{other:?}");
        }
    }
}
