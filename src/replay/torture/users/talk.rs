//! Requests as the agent means them: each turn with the call whose answer it came from.

use super::super::talk::{Ask, Called, Form, Turn};

/// What a client got.
#[derive(Debug, Clone, Default)]
pub(super) struct Got {
    /// The call that it answers, in this run.
    pub(super) call: usize,
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) calls: Vec<Called>,
    pub(super) id: Option<String>,
    pub(super) broken: bool,
}

impl Got {
    pub(super) fn failed(&self) -> bool {
        self.broken || !(200..300).contains(&self.status)
    }
}

/// A request and where its parts came from.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    pub(super) ask: Ask,
    /// For each turn the call that brought it.
    from: Vec<Option<usize>>,
    /// For each turn the places of its results among the calls of that answer.
    places: Vec<Vec<usize>>,
    /// The call that the provider is to go on from.
    previous: Option<usize>,
    /// Calls of tools that the model is to make, round by round.
    pub(super) script: Vec<Vec<(&'static str, String)>>,
    /// How the model's server writes the ids of calls.
    pub(super) ids: Ids,
    /// What the model's answer brings.
    pub(super) brings: Brings,
}

/// How a server writes the ids of tool calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// Random ones.
    Random,
    /// Name and number within the turn, as `search:0`.
    PerTurn,
    /// None.
    Empty,
    /// The name of the tool.
    Name,
}

/// A name that an answer brings: the model's, or of a database behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brings {
    Nothing,
    /// A credential, another each time.
    Token,
    Commit,
    Order,
    Uuid,
}

impl Talk {
    pub(super) fn new(form: Form, system: &str, user: &str) -> Self {
        Self {
            ask: Ask::of(form, system, user),
            from: vec![None],
            places: vec![Vec::new()],
            previous: None,
            script: Vec::new(),
            ids: Ids::Random,
            brings: Brings::Nothing,
        }
    }

    /// How many turns with results of tools it has.
    pub(super) fn rounds(&self) -> usize {
        self.ask.turns.iter().filter(|turn| matches!(turn, Turn::Results(_))).count()
    }

    fn push(&mut self, turn: Turn, from: Option<usize>, places: Vec<usize>) {
        self.ask.turns.push(turn);
        self.from.push(from);
        self.places.push(places);
    }

    pub(super) fn user(&mut self, text: &str) {
        self.push(Turn::User(text.to_owned()), None, Vec::new());
    }

    /// The answer as text of the conversation.
    pub(super) fn said(&mut self, got: &Got) {
        self.push(Turn::Said(got.text.clone()), Some(got.call), Vec::new());
    }

    /// The calls of an answer and their results, by their places in it.
    pub(super) fn results(&mut self, got: &Got, results: &[(usize, String)], with_calls: bool) {
        if with_calls {
            self.push(Turn::Called(got.calls.clone()), Some(got.call), Vec::new());
        }
        let list = results.iter().map(|(place, text)| (got.calls[*place].id.clone(), text.clone())).collect();
        self.push(Turn::Results(list), Some(got.call), results.iter().map(|(place, _)| *place).collect());
    }

    /// Only what is new: the provider has the rest.
    pub(super) fn after(&mut self, got: &Got) {
        self.ask.turns.clear();
        self.from.clear();
        self.places.clear();
        self.ask.previous.clone_from(&got.id);
        self.previous = Some(got.call);
    }

    /// A reference to the message of an answer.
    pub(super) fn item(&mut self, got: &Got) {
        let id = format!("msg_{}", got.id.as_deref().unwrap_or_default());
        self.push(Turn::Item(id), Some(got.call), Vec::new());
    }

    /// The results of tools in it: the call whose answer asked for them, their places and texts.
    pub(super) fn told(&self) -> impl Iterator<Item = (usize, usize, &str)> {
        self.ask.turns.iter().zip(&self.from).zip(&self.places).flat_map(|((turn, from), places)| {
            let list: &[(String, String)] = if let Turn::Results(list) = turn { list } else { &[] };
            list.iter().zip(places).filter_map(|((_, text), place)| Some(((*from)?, *place, text.as_str())))
        })
    }

    /// Whether a part of it came from such a call, or it goes on from one.
    pub(super) fn refers(&self, call: &dyn Fn(usize) -> bool) -> bool {
        self.from.iter().flatten().chain(&self.previous).any(|from| call(*from))
    }

    /// What the model is told, whoever's words it is in; `stands` names the recorded call that a call of this
    /// run stands for.
    pub(super) fn meaning(&self, stands: &dyn Fn(usize) -> String) -> String {
        let mut tools = self.ask.tools.clone();
        tools.sort_unstable();
        let ask = &self.ask;
        let previous = self.previous.map(stands).unwrap_or_default();
        let mut out =
            format!("{}|{:?}|{}|{tools:?}|{}|{previous}", ask.provider(), ask.form, ask.system, ask.temperature);
        for ((turn, from), places) in ask.turns.iter().zip(&self.from).zip(&self.places) {
            let from = from.map(stands).unwrap_or_default();
            match turn {
                Turn::User(text) => out.push_str(&format!("|user {text}")),
                Turn::Said(text) => out.push_str(&format!("|said {text}")),
                Turn::Item(_) => out.push_str(&format!("|item of {from}")),
                Turn::Called(calls) => {
                    for (place, call) in calls.iter().enumerate() {
                        let arguments: String = call.arguments.split_whitespace().collect();
                        out.push_str(&format!("|call {place} of {from} {} {arguments}", call.name));
                    }
                }
                Turn::Results(results) => {
                    let mut list: Vec<_> = places.iter().zip(results).collect();
                    list.sort();
                    for (place, (_, text)) in list {
                        out.push_str(&format!("|result {place} of {from} {text}"));
                    }
                }
            }
        }
        out
    }

    /// The words that an answer takes up: the newest of the conversation.
    pub(super) fn subject(&self) -> String {
        match self.ask.turns.last() {
            Some(Turn::User(text) | Turn::Said(text)) => text.clone(),
            Some(Turn::Results(results)) => {
                let mut texts: Vec<&str> = results.iter().map(|(_, text)| text.as_str()).collect();
                texts.sort_unstable();
                texts.join(" and ")
            }
            _ => String::new(),
        }
    }
}
