//! What counts in a request, per dialect: the tables behind a request's key.
//!
//! Bookkeeping fields that never reach the model are dropped; see the providers' API references for
//! `user`, `metadata`, `safety_identifier`, `prompt_cache_key`, `store` and `service_tier`.

use super::canonical::{List, Order, Rule, ToolResultAt};
use crate::text::json::{Kind, Ref};

/// A body of no known dialect.
pub static PLAIN: Rule = Rule::Keep;

/// `OpenAI` chat completions, and Mistral's.
pub static CHAT: Rule = Rule::Object(&[
    ("user", Rule::Drop),
    ("metadata", Rule::Drop),
    ("safety_identifier", Rule::Drop),
    ("prompt_cache_key", Rule::Drop),
    ("prompt_cache_retention", Rule::Drop),
    ("store", Rule::Drop),
    ("service_tier", Rule::Drop),
    ("client_metadata", Rule::Drop),
    ("stream", Rule::Drop),
    ("stream_options", Rule::Drop),
    ("messages", Rule::List(&CHAT_MESSAGES)),
    ("tools", Rule::List(&TOOLS)),
    ("functions", Rule::List(&TOOLS)),
]);

static CHAT_MESSAGES: List = List {
    item: Rule::Object(&[
        ("id", Rule::Id),
        ("cache_control", Rule::Drop),
        ("internal_chat_message_metadata_passthrough", Rule::Drop),
        ("content", Rule::Content(&PARTS)),
        ("tool_call_id", Rule::Id),
        ("tool_calls", Rule::List(&CHAT_CALLS)),
    ]),
    order: Order::Results(chat_result),
};

static CHAT_CALLS: List = List {
    item: Rule::Object(&[("id", Rule::Id), ("function", Rule::Object(&[("arguments", Rule::Embedded)]))]),
    order: Order::Own,
};

static PARTS: List = List { item: Rule::Object(&[("cache_control", Rule::Drop)]), order: Order::Own };

static TOOLS: List = List { item: Rule::Object(&[("cache_control", Rule::Drop)]), order: Order::ByName };

fn chat_result(item: Ref<'_>) -> Option<ToolResultAt<'_>> {
    if !matches!(item.get("role")?.as_str()?.as_ref(), "tool") {
        return None;
    }
    Some(ToolResultAt { call_id: item.get("tool_call_id")?, result: item.get("content") })
}

/// `OpenAI` responses.
pub static RESPONSES: Rule = Rule::Object(&[
    ("user", Rule::Drop),
    ("metadata", Rule::Drop),
    ("safety_identifier", Rule::Drop),
    ("prompt_cache_key", Rule::Drop),
    ("prompt_cache_retention", Rule::Drop),
    ("store", Rule::Drop),
    ("service_tier", Rule::Drop),
    ("client_metadata", Rule::Drop),
    ("stream", Rule::Drop),
    ("stream_options", Rule::Drop),
    ("previous_response_id", Rule::Reference),
    ("conversation", Rule::Reference),
    ("input", Rule::Input(&ITEMS)),
    ("tools", Rule::List(&TOOLS)),
]);

static ITEMS: List = List {
    item: Rule::Object(&[
        ("id", Rule::Id),
        ("call_id", Rule::Id),
        ("approval_request_id", Rule::Id),
        ("internal_chat_message_metadata_passthrough", Rule::Drop),
        ("arguments", Rule::Embedded),
        ("content", Rule::Content(&PARTS)),
        ("output", Rule::Content(&PARTS)),
    ]),
    order: Order::KeptResults(item_result),
};

fn item_result(item: Ref<'_>) -> Option<ToolResultAt<'_>> {
    if !item.get("type")?.as_str()?.ends_with("_output") {
        return None;
    }
    Some(ToolResultAt { call_id: item.get("call_id")?, result: item.get("output") })
}

/// Mistral conversations.
pub static CONVERSATIONS: Rule = Rule::Object(&[
    ("metadata", Rule::Drop),
    ("name", Rule::Drop),
    ("description", Rule::Drop),
    ("store", Rule::Drop),
    ("stream", Rule::Drop),
    ("inputs", Rule::Input(&ENTRIES)),
    ("tools", Rule::List(&TOOLS)),
]);

static ENTRIES: List = List {
    item: Rule::Object(&[
        ("id", Rule::Id),
        ("tool_call_id", Rule::Id),
        ("created_at", Rule::Drop),
        ("completed_at", Rule::Drop),
        ("arguments", Rule::Embedded),
        ("content", Rule::Content(&PARTS)),
    ]),
    order: Order::KeptResults(entry_result),
};

fn entry_result(item: Ref<'_>) -> Option<ToolResultAt<'_>> {
    if item.get("type")?.as_str()? != "function.result" {
        return None;
    }
    Some(ToolResultAt { call_id: item.get("tool_call_id")?, result: item.get("result") })
}

/// Anthropic messages.
pub static MESSAGES: Rule = Rule::Object(&[
    ("metadata", Rule::Drop),
    ("service_tier", Rule::Drop),
    ("stream", Rule::Drop),
    ("cache_control", Rule::Drop),
    ("system", Rule::Content(&PARTS)),
    ("messages", Rule::List(&BLOCK_MESSAGES)),
    ("tools", Rule::List(&TOOLS)),
]);

static BLOCK_MESSAGES: List = List {
    item: Rule::Object(&[("cache_control", Rule::Drop), ("content", Rule::Content(&BLOCKS))]),
    order: Order::Own,
};

static BLOCKS: List = List {
    item: Rule::Object(&[
        ("id", Rule::Id),
        ("tool_use_id", Rule::Id),
        ("cache_control", Rule::Drop),
        ("content", Rule::Content(&PARTS)),
    ]),
    order: Order::Results(block_result),
};

fn block_result(item: Ref<'_>) -> Option<ToolResultAt<'_>> {
    if item.kind() != Kind::Object || item.get("type")?.as_str()? != "tool_result" {
        return None;
    }
    Some(ToolResultAt { call_id: item.get("tool_use_id")?, result: item.get("content") })
}

/// `OpenAI` and Mistral embeddings.
pub static EMBEDDINGS: Rule = Rule::Object(&[("user", Rule::Drop), ("metadata", Rule::Drop)]);
