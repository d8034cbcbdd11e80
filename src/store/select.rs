//! Which run is meant: names, beginnings of names, tags, `latest`; and how runs descend from each other.

use std::collections::BTreeSet;

use super::{Error, Store};
use crate::model::RunId;

impl Store {
    /// The run that is meant: `latest` (the newest that is no replay), `latest~2` (the third newest), a run's name,
    /// a tag, or the beginning of a name, in this order.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] with the candidates if several are meant, [`Error::NoMatch`], [`Error::TooFewRuns`] or
    /// [`Error::Removed`] if none is.
    pub fn resolve(&self, selector: &str) -> Result<RunId, Error> {
        let back = match selector.strip_prefix("latest") {
            Some("") => Some(0),
            Some(rest) => rest.strip_prefix('~').and_then(|back| back.parse::<usize>().ok()),
            None => None,
        };
        if let Some(back) = back {
            return self.latest(back, selector);
        }
        let no_match = || Error::NoMatch { selector: selector.to_owned() };
        let whole = RunId::parse(selector);
        if let Some(run) = &whole
            && self.path(run).exists()
        {
            return Ok(run.clone());
        }
        let runs: Vec<RunId> = self.listed()?.into_iter().map(|file| file.run).collect();
        let said = self.said()?;
        let is_tagged = |run: &&RunId| said.tags.get(*run).is_some_and(|tags| tags.contains(selector));
        let tagged: Vec<RunId> = runs.iter().filter(is_tagged).cloned().collect();
        if !tagged.is_empty() {
            return one(selector, tagged);
        }
        if let Some(run) = whole {
            return Err(self.missing(&run));
        }
        if selector.is_empty() {
            return Err(no_match());
        }
        one(selector, runs.into_iter().filter(|run| run.as_str().starts_with(selector)).collect())
    }

    fn latest(&self, back: usize, selector: &str) -> Result<RunId, Error> {
        let heads = self.heads()?;
        let mut recorded: Vec<RunId> =
            heads.into_iter().filter(|head| head.started.parent.is_none()).map(|head| head.run).collect();
        if back < recorded.len() {
            return Ok(recorded.swap_remove(back));
        }
        Err(Error::TooFewRuns { selector: selector.to_owned(), runs: recorded.len() })
    }

    /// How many letters of each run's name are enough to mean it, in order of their names.
    ///
    /// # Errors
    /// If the folder or the ledger cannot be read.
    pub fn prefixes(&self) -> Result<Vec<(RunId, usize)>, Error> {
        let runs: Vec<RunId> = self.listed()?.into_iter().map(|file| file.run).collect();
        let tags: BTreeSet<String> = self.said()?.tags.into_values().flatten().collect();
        let lengths = shortest(&runs, &tags);
        Ok(runs.into_iter().zip(lengths).collect())
    }

    /// The run that a replay came from; `None` for others.
    ///
    /// # Errors
    /// If the run is not there or cannot be read.
    pub fn parent(&self, run: &RunId) -> Result<Option<RunId>, Error> {
        Ok(self.beginning(run)?.parent.map(|parent| parent.run))
    }

    /// What a run came from, nearest first; the last may be gone.
    ///
    /// # Errors
    /// If the run is not there or cannot be read.
    pub fn ancestors(&self, run: &RunId) -> Result<Vec<RunId>, Error> {
        let mut ancestors: Vec<RunId> = Vec::new();
        let mut parent = self.parent(run)?;
        while let Some(run) = parent
            && !ancestors.contains(&run)
        {
            parent = self.parent(&run).unwrap_or_default();
            ancestors.push(run);
        }
        Ok(ancestors)
    }

    /// Replays of a run, oldest first.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn children(&self, run: &RunId) -> Result<Vec<RunId>, Error> {
        let is_child =
            |head: &super::catalogue::Head| head.started.parent.as_ref().is_some_and(|parent| parent.run == *run);
        Ok(self.heads()?.into_iter().rev().filter(is_child).map(|head| head.run).collect())
    }
}

fn one(selector: &str, mut candidates: Vec<RunId>) -> Result<RunId, Error> {
    match candidates.len() {
        0 => Err(Error::NoMatch { selector: selector.to_owned() }),
        1 => Ok(candidates.remove(0)),
        _ => Err(Error::Ambiguous { selector: selector.to_owned(), candidates }),
    }
}

/// For each of these sorted names, how many letters neither its neighbours nor a tag share.
fn shortest(runs: &[RunId], tags: &BTreeSet<String>) -> Vec<usize> {
    let shared = |left: &RunId, right: &RunId| {
        left.as_str().bytes().zip(right.as_str().bytes()).take_while(|(left, right)| left == right).count()
    };
    let length = |(index, run): (usize, &RunId)| {
        let before = index.checked_sub(1).map_or(0, |before| shared(run, &runs[before]));
        let after = runs.get(index + 1).map_or(0, |after| shared(run, after));
        (before.max(after) + 1..RunId::LETTERS)
            .find(|length| !tags.contains(&run.as_str()[..*length]))
            .unwrap_or(RunId::LETTERS)
    };
    runs.iter().enumerate().map(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_as_short_as_their_neighbours_allow() {
        let runs = ["kkkkkkkk", "kkkkkkkl", "kzkkkkkk", "mmmmmmmm", "zzzzzzzz"].map(|id| RunId::parse(id).unwrap());
        assert_eq!(shortest(&runs, &BTreeSet::new()), [8, 8, 2, 1, 1]);
        assert_eq!(shortest(&runs, &BTreeSet::from(["m".to_owned(), "mm".to_owned()])), [8, 8, 2, 3, 1]);
    }
}
