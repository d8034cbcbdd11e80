//! Who said what, in the recording and in this replay: what decides which names may be fresh.

use super::Matcher;
use crate::model::event::Started;
use crate::model::{Detail, Micros, Part, Reply, Run};
use crate::names::origin::{Origins, Source};
use crate::replay::plan::Entry;
use crate::text::json::{Json, decode};
use crate::wire::canonical::{Canonical, TokenKind};

/// Standard input.
const INPUT: u8 = 0;

/// Something that was said.
enum Said<'a> {
    Asked(&'a Canonical),
    Reply(&'a Reply),
    Answer(&'a [u8]),
    Told(Source, &'a [u8]),
}

/// Everything that was said in a recording, in the order of time.
pub(in crate::replay) fn recorded(run: &Run, entries: &[Entry]) -> Origins {
    let mut origins = Origins::default();
    given(&mut origins, &run.started);
    for output in run.output.iter().filter(|output| output.stream == INPUT) {
        origins.say(Source::User, &output.bytes);
    }
    let mut said: Vec<(Micros, Said<'_>)> = Vec::new();
    for entry in entries {
        said.push((entry.began, Said::Asked(&entry.parsed.canonical)));
    }
    let mut replied = std::collections::HashSet::new();
    for node in run.graph.nodes() {
        if let (Detail::Call { reply, .. }, Some(seq), Some(ended)) = (&node.detail, node.seq, node.ended) {
            replied.insert(seq);
            said.push((ended, Said::Reply(reply)));
        }
    }
    let mut bodies = Vec::new();
    for (seq, call) in run.calls.iter().filter(|(seq, _)| !replied.contains(*seq)) {
        if let Some(answer) = &call.answer {
            bodies.push((call.ended.unwrap_or(answer.at), answer.body(), *seq));
        }
    }
    said.extend(bodies.iter().map(|(at, body, _)| (*at, Said::Answer(body))));
    for announced in run.announced.values() {
        let source = if announced.begin.kind == "human" { Source::User } else { Source::Agent };
        said.push((announced.begin.at, Said::Told(source, &announced.begin.input)));
        if let Some(finish) = &announced.finish {
            said.push((finish.at, Said::Told(source, &finish.output)));
            said.push((finish.at, Said::Told(source, &finish.documents)));
        }
    }
    said.sort_by_key(|(at, _)| *at);
    for (_, said) in said {
        match said {
            Said::Asked(canonical) => asked(&mut origins, canonical),
            Said::Reply(reply) => replied_with(&mut origins, reply),
            Said::Answer(body) => strings(&mut origins, Source::Provider, body),
            Said::Told(source, body) => strings(&mut origins, source, body),
        }
    }
    origins
}

/// What the user gave at the start.
pub(in crate::replay) fn given(origins: &mut Origins, started: &Started) {
    for word in &started.command {
        origins.say(Source::User, word.as_bytes());
    }
}

fn asked(origins: &mut Origins, canonical: &Canonical) {
    for token in &canonical.tokens {
        if matches!(token.kind, TokenKind::Text | TokenKind::Key | TokenKind::Bytes) {
            origins.say(Source::Agent, canonical.bytes(token));
        }
    }
}

fn replied_with(origins: &mut Origins, reply: &Reply) {
    for id in reply.id.iter().chain(&reply.conversation).chain(&reply.item_ids) {
        origins.say(Source::Provider, id.as_bytes());
    }
    for part in reply.parts.iter().chain(reply.choices.iter().flatten()) {
        let texts: &[&str] = match part {
            Part::Text(text) | Part::Media(text) | Part::Other(text) => &[&text.text],
            Part::Reasoning(reasoning) => &[&reasoning.text],
            Part::ToolCall(call) => &[&call.id, &call.name, &call.arguments],
            Part::ToolResult(result) => &[&result.content],
        };
        for text in texts {
            origins.say(Source::Provider, text.as_bytes());
        }
    }
}

/// The strings of a JSON document, or a text that is none.
fn strings(origins: &mut Origins, source: Source, body: &[u8]) {
    let Ok(json) = Json::parse(body.to_vec()) else { return origins.say(source, body) };
    let mut waiting = vec![json.root()];
    while let Some(value) = waiting.pop() {
        waiting.extend(value.items());
        if let Some(text) = value.as_bytes() {
            origins.say(source, &text);
        }
        if let Some(key) = value.raw_key() {
            origins.say(source, &decode(key));
        }
    }
}

impl Matcher {
    /// Makes sure that it is known who said what in the recording.
    pub(super) fn know_origins(&mut self) {
        if !self.knows_origins {
            self.knows_origins = true;
            self.naming.recorded = recorded(&self.plan.run, &self.plan.entries);
        }
    }

    /// The agent asks something. Where every answer is a recorded one, nobody else can have said anything new.
    pub(super) fn hear_request(&mut self, canonical: &Canonical) {
        if self.plan.may_send() {
            asked(&mut self.naming.now, canonical);
        }
    }

    /// A provider answered something that was not recorded, or an edited answer was given.
    pub(super) fn hear_reply(&mut self, reply: Option<&Reply>, body: &[u8]) {
        match reply {
            Some(reply) => replied_with(&mut self.naming.now, reply),
            None => strings(&mut self.naming.now, Source::Provider, body),
        }
    }
}
