//! Decides about requests as a replay would, with nothing running.

use bytes::Bytes;

use super::matcher::Matcher;
use super::plan::Plan;
use crate::model::Call;
use crate::model::event::{Decided, Request, Seq, Started};

/// A plan that requests can be held against.
#[derive(Debug)]
pub struct Rehearsal {
    matcher: Matcher,
}

impl Rehearsal {
    /// Begins one; `here` says when and where.
    #[must_use]
    pub fn new(plan: Plan, here: &Started) -> Self {
        Self { matcher: Matcher::new(plan, here) }
    }

    /// What would be done with a request, and the pieces of the answer where names change it.
    pub fn ask(&mut self, request: &Request) -> (Decided, Option<Vec<Bytes>>) {
        let parsed = self.matcher.parse(request);
        let decision = self.matcher.decide(request, &parsed);
        (decision.decided, decision.renamed)
    }

    /// What the agent was answered, where that is not the recorded answer: its ids name what the recorded ones name.
    pub fn answered(&mut self, call: &Call) {
        let Some(answer) = &call.answer else { return };
        let parsed = self.matcher.parse(&call.request);
        let kind = answer.header("content-type").unwrap_or_default();
        let body = answer.body();
        let reply = parsed.dialect.map(|dialect| dialect.reply(answer.status, kind, &body));
        self.matcher.minted_by(call.request.seq, &parsed, reply.as_ref(), &body, true);
    }

    /// The answer was not taken: its node can be asked for again.
    pub fn leave(&mut self, seq: Seq) {
        self.matcher.ended(seq, false, None, false);
    }
}
