//! The table of dialects, and what can be done with each.

use bytes::Bytes;

use super::canonical::Rule;
use super::errors::{Refusal, error_message, error_text, loose_text};
use super::kept::Kept;
use super::known::Known;
use super::{anthropic_messages as messages, anthropic_messages_stream as messages_stream, keys, mistral_chat};
use super::{
    kept, mistral_conversations as conversations, mistral_embeddings, openai_chat as chat,
    openai_chat_stream as chat_stream, openai_embeddings, sse,
};
use super::{openai_responses as responses, openai_responses_stream as responses_stream};
use crate::model::event::Request;
use crate::model::{Kind, Part, Prompt, Reply, Text, ToolCall};
use crate::text::json::{Json, Kind as JsonKind};

/// How the bodies of one kind of call are read and written.
#[derive(Debug)]
pub struct Dialect {
    name: &'static str,
    kind: Kind,
    rule: &'static Rule,
    prompt: fn(&Json, &'static Rule, &mut Known) -> Prompt,
    reply: fn(&Json) -> Reply,
    stream: Option<Streaming>,
    pub(super) layout: Layout,
}

/// The streamed form of answers.
#[derive(Debug)]
struct Streaming {
    assemble: fn(&[sse::Event]) -> Assembled,
    events: fn(&Json, &Json) -> Vec<Vec<u8>>,
    ends: fn(&sse::Event) -> bool,
    /// Names of events that end a stream.
    end_names: &'static [&'static str],
}

/// Where the parts of a request stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `messages`, the system prompt among them.
    Chat,
    /// `messages`, and `system` beside them.
    Messages,
    /// `input`, and `instructions` beside it.
    Responses,
    /// `inputs`, and `instructions` beside it.
    Conversations,
    /// `input`, texts only.
    Embeddings,
}

/// An answer that was put together from a stream.
#[derive(Debug)]
pub(super) struct Assembled {
    /// JSON body, as the request without a stream would have got it.
    pub(super) body: Vec<u8>,
    /// The stream had its end.
    pub(super) complete: bool,
    /// The stream carried an error.
    pub(super) failed: bool,
}

static OPENAI_CHAT: Dialect = Dialect {
    name: "openai-chat",
    kind: Kind::Llm,
    rule: &keys::CHAT,
    prompt: chat::prompt,
    reply: chat::reply,
    stream: Some(Streaming {
        assemble: chat_stream::assemble,
        events: |unary, request| chat_stream::events(unary, request, chat_stream::Manner::OpenAi),
        ends: chat_stream::ends,
        end_names: &["error"],
    }),
    layout: Layout::Chat,
};

static MISTRAL_CHAT: Dialect = Dialect {
    name: "mistral-chat",
    kind: Kind::Llm,
    rule: &keys::CHAT,
    prompt: mistral_chat::prompt,
    reply: mistral_chat::reply,
    stream: Some(Streaming {
        assemble: mistral_chat::assemble,
        events: mistral_chat::events,
        ends: mistral_chat::ends,
        end_names: &["error"],
    }),
    layout: Layout::Chat,
};

static MISTRAL_CONVERSATIONS: Dialect = Dialect {
    name: "mistral-conversations",
    kind: Kind::Llm,
    rule: &keys::CONVERSATIONS,
    prompt: conversations::prompt,
    reply: conversations::reply,
    stream: Some(Streaming {
        assemble: conversations::assemble,
        events: |unary, _| conversations::events(unary),
        ends: conversations::ends,
        end_names: &["conversation.response.done", "conversation.response.error"],
    }),
    layout: Layout::Conversations,
};

static OPENAI_RESPONSES: Dialect = Dialect {
    name: "openai-responses",
    kind: Kind::Llm,
    rule: &keys::RESPONSES,
    prompt: responses::prompt,
    reply: responses::reply,
    stream: Some(Streaming {
        assemble: responses_stream::assemble,
        events: |unary, _| responses_stream::events(unary),
        ends: responses_stream::ends,
        end_names: &["response.completed", "response.incomplete", "response.failed", "error"],
    }),
    layout: Layout::Responses,
};

static ANTHROPIC_MESSAGES: Dialect = Dialect {
    name: "anthropic-messages",
    kind: Kind::Llm,
    rule: &keys::MESSAGES,
    prompt: messages::prompt,
    reply: messages::reply,
    stream: Some(Streaming {
        assemble: messages_stream::assemble,
        events: |unary, _| messages_stream::events(unary),
        ends: messages_stream::ends,
        end_names: &["message_stop", "error"],
    }),
    layout: Layout::Messages,
};

static OPENAI_EMBEDDINGS: Dialect = Dialect {
    name: "openai-embeddings",
    kind: Kind::Embedding,
    rule: &keys::EMBEDDINGS,
    prompt: openai_embeddings::prompt,
    reply: openai_embeddings::reply,
    stream: None,
    layout: Layout::Embeddings,
};

static MISTRAL_EMBEDDINGS: Dialect = Dialect {
    name: "mistral-embeddings",
    kind: Kind::Embedding,
    rule: &keys::EMBEDDINGS,
    prompt: mistral_embeddings::prompt,
    reply: mistral_embeddings::reply,
    stream: None,
    layout: Layout::Embeddings,
};

/// The dialect of a call, by its path: any prefix may be that of a compatible server.
///
/// `provider` is the prefix that the call came in by; it decides between `OpenAI`'s and Mistral's
/// dialect, and lets Anthropic's `/messages` go without its `/v1`. Calls that make no answer of a
/// model (`/models`, `/files`, `/messages/count_tokens`, `/responses/{id}`) are none.
#[must_use]
pub fn recognise(provider: &str, method: &str, path: &str) -> Option<&'static Dialect> {
    if !method.eq_ignore_ascii_case("POST") {
        return None;
    }
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut segments = path.rsplit('/');
    let last = segments.next()?;
    let before = segments.next()?;
    let mistral = provider.eq_ignore_ascii_case("mistral");
    if mistral && let Some(Kept::Begin | Kept::Append(_) | Kept::Restart(_)) = kept::kept(provider, method, path) {
        return Some(&MISTRAL_CONVERSATIONS);
    }
    match (before, last) {
        ("chat", "completions") => Some(if mistral { &MISTRAL_CHAT } else { &OPENAI_CHAT }),
        // The same body, with the id of an agent for the model.
        ("agents", "completions") if mistral => Some(&MISTRAL_CHAT),
        (_, "responses") => Some(&OPENAI_RESPONSES),
        (_, "embeddings") => Some(if mistral { &MISTRAL_EMBEDDINGS } else { &OPENAI_EMBEDDINGS }),
        ("v1", "messages") => Some(&ANTHROPIC_MESSAGES),
        ("", "messages") if provider.eq_ignore_ascii_case("anthropic") => Some(&ANTHROPIC_MESSAGES),
        _ => None,
    }
}

impl Dialect {
    /// Its name: `openai-chat`, `openai-responses`, `openai-embeddings`, `anthropic-messages`,
    /// `mistral-chat`, `mistral-conversations` or `mistral-embeddings`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// All dialects.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            &OPENAI_CHAT,
            &OPENAI_RESPONSES,
            &OPENAI_EMBEDDINGS,
            &ANTHROPIC_MESSAGES,
            &MISTRAL_CHAT,
            &MISTRAL_CONVERSATIONS,
            &MISTRAL_EMBEDDINGS,
        ]
        .into_iter()
    }

    /// The dialect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|dialect| dialect.name == name)
    }

    /// What its calls are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind.clone()
    }

    /// How its requests count in a key.
    #[must_use]
    pub fn rules(&self) -> &'static Rule {
        self.rule
    }

    /// Reads a request. Never fails: what is not known stays as parameters and [`Part::Other`].
    /// Fields that do not count in the key are left out.
    #[must_use]
    pub fn prompt(&self, body: &Json) -> Prompt {
        self.prompt_after(body, &mut Known::default())
    }

    /// Reads a request as [`Dialect::prompt`] does; messages that were read before, also in other requests, are
    /// not made again. `known` is of this dialect only.
    #[must_use]
    pub fn prompt_after(&self, body: &Json, known: &mut Known) -> Prompt {
        if body.root().kind() == JsonKind::Object {
            return (self.prompt)(body, self.rule, known);
        }
        Prompt { parameters: vec![(String::new(), body.root().raw_str().into_owned())], ..Prompt::default() }
    }

    /// Reads a request with what its path says: the conversation that it goes on with.
    #[must_use]
    pub fn asked(&self, request: &Request, body: &Json) -> Prompt {
        self.asked_after(request, body, &mut Known::default())
    }

    /// The same, with `known` as [`Dialect::prompt_after`] has it.
    #[must_use]
    pub fn asked_after(&self, request: &Request, body: &Json, known: &mut Known) -> Prompt {
        let mut prompt = self.prompt_after(body, known);
        if self.layout == Layout::Conversations && prompt.previous.is_none() {
            let kept = kept::kept(&request.provider, &request.method, &request.path);
            prompt.previous = kept.and_then(Kept::id).map(str::to_owned);
        }
        prompt
    }

    /// Reads an answer, streamed or not. Never fails; an error inside a 200 is one too. Paths are
    /// those in the body that [`Dialect::unary`] makes of a stream. A stream that was cut off gives
    /// what came.
    #[must_use]
    pub fn reply(&self, status: u16, content_type: &str, body: &Bytes) -> Reply {
        self.read_answer(status, content_type, body).0
    }

    /// Reads an answer as [`Dialect::reply`] does, and says what is wrong with one that is not whole.
    #[must_use]
    pub fn read_answer(&self, status: u16, content_type: &str, body: &Bytes) -> (Reply, Option<&'static str>) {
        if let Some(stream) = self.stream.as_ref().filter(|_| sse::is_stream(content_type, body)) {
            let events = sse::events(body);
            if !events.is_empty() || status < 400 {
                let assembled = (stream.assemble)(&events);
                let cut = (!assembled.complete && !assembled.failed).then_some("the stream stopped before its end");
                return (self.assembled(&assembled, status), cut);
            }
        }
        let json = Json::parse(body.clone());
        let flaw = (status < 400 && json.is_err()).then_some("the answer is not JSON");
        let mut reply = match &json {
            Ok(json) => (self.reply)(json),
            Err(_) if body.is_empty() => Reply::default(),
            Err(_) => {
                let text = String::from_utf8_lossy(body).into_owned();
                Reply { parts: vec![Part::Other(Text { text, path: String::new() })], ..Reply::default() }
            }
        };
        if let Ok(json) = &json
            && reply.error.is_none()
            && !reply.parts.is_empty()
            && is_none(&reply)
            && let Some(error) = loose_text(json.root())
        {
            // Nothing that an answer has, but what errors say: an error under a status that says all is well.
            reply.error = Some(error);
            reply.parts.clear();
        }
        if status >= 400 {
            reply.error = reply.error.or_else(|| error_message(status, body));
            reply.parts.clear();
        }
        (reply, flaw)
    }

    /// Reads an answer that came in frames of a WebSocket, one event each.
    #[must_use]
    pub fn reply_frames<'a>(&self, frames: impl Iterator<Item = &'a [u8]>) -> Reply {
        let events: Vec<sse::Event> =
            frames.map(|frame| sse::Event { data: frame.to_vec(), ..sse::Event::default() }).collect();
        match &self.stream {
            Some(stream) => self.assembled(&(stream.assemble)(&events), 200),
            None => Reply::default(),
        }
    }

    fn assembled(&self, assembled: &Assembled, status: u16) -> Reply {
        let Ok(json) = Json::parse(assembled.body.clone()) else {
            return Reply::default();
        };
        let mut reply = (self.reply)(&json);
        if reply.error.is_none() && (assembled.failed || status >= 400) {
            reply.error = error_text(json.root()).or_else(|| error_message(status.max(400), &assembled.body));
        }
        if is_none(&reply) {
            reply.parts.clear();
        }
        reply
    }

    /// The JSON body that the request without a stream would have got; `None` for a stream that was
    /// cut off or that carries an error, and for what is no stream.
    #[must_use]
    pub fn unary(&self, stream: &[u8]) -> Option<Vec<u8>> {
        let streaming = self.stream.as_ref()?;
        let events = sse::events(stream);
        let assembled = (streaming.assemble)(&events);
        (!events.is_empty() && assembled.complete && !assembled.failed).then_some(assembled.body)
    }

    /// The events, each with its blank line, that a stream of this answer would have had. `request`
    /// says what the client wants in them (`stream_options`). A dialect without streams gives the
    /// body as it is.
    #[must_use]
    pub fn stream(&self, unary: &Json, request: &Json) -> Vec<Vec<u8>> {
        match &self.stream {
            Some(streaming) => (streaming.events)(unary, request),
            None => vec![unary.bytes().to_vec()],
        }
    }

    /// Whether its answers can be streamed.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether this piece of a stream carries the end: `[DONE]`, a finish reason, `message_stop`,
    /// `response.completed` and its like, an error. An end that is cut across pieces is found by
    /// [`Dialect::end_finder`] alone.
    #[must_use]
    pub fn ends_stream(&self, piece: &[u8]) -> bool {
        let Some(streaming) = &self.stream else { return false };
        sse::events(piece).iter().any(streaming.ends)
            || piece.split(|byte| *byte == b'\n').any(|line| {
                let name = line.strip_prefix(b"event:").map(<[u8]>::trim_ascii);
                name.is_some_and(|name| streaming.end_names.iter().any(|end| end.as_bytes() == name))
            })
    }

    /// Finds the end of a stream in pieces that are cut anywhere.
    #[must_use]
    pub fn end_finder(&'static self) -> EndFinder {
        EndFinder { dialect: self, parser: sse::Parser::new() }
    }

    /// Ids that the provider minted in an answer: of the answer, its items and its tool calls, in
    /// order and each once.
    #[must_use]
    pub fn answer_ids(&self, body: &Json) -> Vec<String> {
        let reply = (self.reply)(body);
        let parts = reply.parts.iter().chain(reply.choices.iter().flatten());
        let calls = parts.filter_map(|part| match part {
            Part::ToolCall(ToolCall { id, item_id, .. }) => Some([item_id.clone(), Some(id.clone())]),
            _ => None,
        });
        let mut ids: Vec<String> = Vec::new();
        for id in reply.id.into_iter().chain(reply.item_ids).chain(calls.flatten().flatten()) {
            if !id.is_empty() && !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// An error in the provider's shape that its clients do not try again.
    #[must_use]
    pub fn refusal(&self, message: &str) -> Refusal {
        super::errors::shaped(self.name, message)
    }

    pub(super) fn read(&self, body: &Json) -> Reply {
        (self.reply)(body)
    }
}

/// Whether a reply is a body in which nothing of an answer was found.
fn is_none(reply: &Reply) -> bool {
    reply.parts.iter().all(|part| matches!(part, Part::Other(text) if text.path.is_empty()))
}

/// Finds the end of a stream in pieces that are cut anywhere.
#[derive(Debug)]
pub struct EndFinder {
    dialect: &'static Dialect,
    parser: sse::Parser,
}

impl EndFinder {
    /// Takes the next piece; whether it completes an event that ends the stream.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        let events = self.parser.push(piece);
        self.dialect.stream.as_ref().is_some_and(|streaming| events.iter().any(streaming.ends))
    }
}

/// Whether a member of a request does not count in its key.
pub(super) fn drops(rule: &'static Rule, key: &str) -> bool {
    match rule {
        Rule::Object(members) => members.iter().any(|(name, rule)| *name == key && matches!(rule, Rule::Drop)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(provider: &str, method: &str, path: &str, expected: Option<&str>) {
        let found = recognise(provider, method, path).map(Dialect::name);
        assert_eq!(found, expected, "{provider} {method} {path}");
    }

    #[test]
    fn calls_are_recognised_by_their_path() {
        let chat = Some("openai-chat");
        check("openai", "POST", "/v1/chat/completions", chat);
        check("openai", "POST", "/chat/completions", chat);
        check("openai", "post", "/chat/completions/", chat);
        check("azure", "POST", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01", chat);
        check("groq", "POST", "/openai/v1/chat/completions", chat);
        check("anthropic", "POST", "/v1/chat/completions", chat);
        check("openai", "POST", "/v1/responses", Some("openai-responses"));
        check("deepseek", "POST", "/responses", Some("openai-responses"));
        check("openai", "POST", "/v1/embeddings", Some("openai-embeddings"));
        check("mistral", "POST", "/v1/embeddings", Some("mistral-embeddings"));
        check("mistral", "POST", "/v1/chat/completions", Some("mistral-chat"));
        check("mistral", "POST", "/v1/agents/completions", Some("mistral-chat"));
        check("mistral", "POST", "/v1/conversations", Some("mistral-conversations"));
        check("mistral", "POST", "/v1/conversations/c/restart", Some("mistral-conversations"));
        check("openai", "POST", "/v1/conversations", None);
        check("anthropic", "POST", "/v1/messages?beta=true", Some("anthropic-messages"));
        check("anthropic", "POST", "/messages", Some("anthropic-messages"));
        check("zai", "POST", "/api/anthropic/v1/messages", Some("anthropic-messages"));
        for (method, path) in [
            ("GET", "/v1/chat/completions"),
            ("POST", "/v1/messages/count_tokens"),
            ("POST", "/v1/messages/batches"),
            ("POST", "/v1/threads/t/messages"),
            ("POST", "/messages"),
            ("GET", "/v1/responses/resp_1"),
            ("POST", "/v1/responses/resp_1/cancel"),
            ("POST", "/v1/responses/compact"),
            ("POST", "/v1/fim/completions"),
            ("POST", "/v1/agents/completions"),
            ("POST", "/v1/completions"),
            ("POST", "/v1/files"),
            ("GET", "/v1/models"),
            ("POST", "completions"),
            ("POST", ""),
        ] {
            check("openai", method, path, None);
        }
    }
}
