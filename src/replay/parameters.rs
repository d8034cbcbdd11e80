//! What a request of each dialect may hold, and of which types: what a change may add or set.

use crate::text::json::{Json, Kind};
use crate::text::words;
use crate::wire::Dialect;

/// Names with a letter for each type they may have: Array, Boolean, Integer, Number, Object, String. From the
/// providers' references; the last line of the chat has what servers that speak it add.
const CHAT: &str = "audio:O frequency_penalty:N function_call:SO functions:A logit_bias:O logprobs:B \
    max_completion_tokens:I max_tokens:I messages:A metadata:O modalities:A model:S n:I parallel_tool_calls:B \
    prediction:O presence_penalty:N prompt_cache_key:S prompt_cache_retention:S reasoning_effort:S response_format:O \
    safety_identifier:S seed:I service_tier:S stop:SA store:B stream:B stream_options:O temperature:N tool_choice:SO \
    tools:A top_logprobs:I top_p:N user:S verbosity:S web_search_options:O \
    chat_template_kwargs:O enable_thinking:B guided_json:SO include_reasoning:B min_p:N models:A plugins:A provider:O \
    reasoning:O repetition_penalty:N search_parameters:O thinking:O top_a:N top_k:I transforms:A";
const RESPONSES: &str = "background:B context_management:A conversation:SO include:A input:SA instructions:S \
    max_output_tokens:I max_tool_calls:I metadata:O model:S parallel_tool_calls:B previous_response_id:S prompt:O \
    prompt_cache_key:S prompt_cache_retention:S reasoning:O safety_identifier:S service_tier:S store:B stream:B \
    stream_options:O temperature:N text:O tool_choice:SO tools:A top_logprobs:I top_p:N truncation:S user:S \
    frequency_penalty:N presence_penalty:N";
const MESSAGES: &str = "cache_control:O container:SO context_management:O inference_geo:S max_tokens:I mcp_servers:A \
    messages:A metadata:O model:S output_config:O output_format:O service_tier:S speed:S stop_sequences:A stream:B \
    system:SA temperature:N thinking:O tool_choice:O tools:A top_k:I top_p:N";
const MISTRAL: &str = "agent_id:S frequency_penalty:N guardrails:A max_tokens:I messages:A metadata:O model:S n:I \
    parallel_tool_calls:B prediction:O presence_penalty:N prompt_cache_key:S prompt_mode:S random_seed:I \
    reasoning_effort:S response_format:O safe_prompt:B stop:SA stream:B temperature:N tool_choice:SO tools:A top_p:N";
const CONVERSATIONS: &str = "agent_id:S agent_version:SI completion_args:O description:S from_entry_id:S guardrails:A \
    handoff_execution:S inputs:SA instructions:S metadata:O model:S name:S store:B stream:B tool_confirmations:A tools:A";
const EMBEDDINGS: &str = "dimensions:I encoding_format:S input:SA metadata:O model:S output_dimension:I output_dtype:S \
    user:S input_type:S truncate:S";

fn table(dialect: &Dialect) -> Option<&'static str> {
    Some(match dialect.name() {
        "openai-chat" => CHAT,
        "openai-responses" => RESPONSES,
        "anthropic-messages" => MESSAGES,
        "mistral-chat" => MISTRAL,
        "mistral-conversations" => CONVERSATIONS,
        "openai-embeddings" | "mistral-embeddings" => EMBEDDINGS,
        _ => return None,
    })
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.split_whitespace().filter_map(|row| row.split_once(':'))
}

/// Whether a request may have this field at its top.
pub(super) fn is_known(dialect: &Dialect, name: &str) -> bool {
    matches!(name, "system" | "messages" | "tools" | "model")
        || table(dialect).is_none_or(|table| rows(table).any(|(known, _)| known == name))
}

/// The parameter, or the field of this request, that a name which nobody has was probably meant to be.
pub(super) fn meant(dialect: &Dialect, name: &str, request: &Json) -> Option<String> {
    let own = request.root().items().filter_map(|member| Some(String::from_utf8_lossy(&member.key()?).into_owned()));
    let known = rows(table(dialect).unwrap_or_default()).map(|(name, _)| name).chain(["system", "messages", "tools"]);
    let near = own.chain(known.map(str::to_owned)).map(|known| (words::edits(name, &known), known));
    let near = near.filter(|(edits, known)| (1..=2).contains(edits) && known.len() > 2 * edits);
    near.min_by(|left, right| left.0.cmp(&right.0).then_with(|| left.1.cmp(&right.1))).map(|(_, known)| known)
}

/// What a value at the top of a request must be and is not, in words; `None` if it may be so.
pub(super) fn wrong_type(dialect: &Dialect, name: &str, value: &str) -> Option<String> {
    let (_, types) = rows(table(dialect)?).find(|(known, _)| *known == name)?;
    // Texts are given without quotes.
    if types.contains('S') {
        return None;
    }
    let json = Json::parse_text(value).ok();
    let kind = json.as_ref().map_or(Kind::String, |json| json.root().kind());
    let whole = || {
        json.as_ref()
            .is_some_and(|json| json.root().raw_str().bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    };
    let fits = |letter| match letter {
        'A' => kind == Kind::Array,
        'B' => kind == Kind::Bool,
        'I' => kind == Kind::Number && whole(),
        'N' => kind == Kind::Number,
        'O' => kind == Kind::Object,
        _ => false,
    };
    let said = |letter| match letter {
        'A' => "a list",
        'B' => "true or false",
        'I' => "a whole number",
        'N' => "a number",
        _ => "an object",
    };
    (kind != Kind::Null && !types.chars().any(fits)).then(|| types.chars().map(said).collect::<Vec<_>>().join(" or "))
}

/// The same of a value that replaces another one anywhere: a number, a truth value, a list or an object stays one.
pub(super) fn other_type(old: &str, value: &str) -> Option<String> {
    let kind = |text: &str| Json::parse_text(text).ok().map(|json| json.root().kind());
    let (was, is) = (kind(old)?, kind(value));
    if is == Some(was) || is == Some(Kind::Null) {
        return None;
    }
    match was {
        Kind::Number => Some("a number".to_owned()),
        Kind::Bool => Some("true or false".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Dialect;

    #[test]
    fn a_name_is_a_parameter_of_its_dialect_or_not_and_a_value_fits_or_not() {
        let check = |dialect: &str, name: &str, value: &str| {
            let dialect = Dialect::named(dialect).expect("a dialect");
            let request = Json::parse_text(r#"{"model":"m","custom_flag":1}"#).expect("the test's JSON");
            match (is_known(dialect, name), wrong_type(dialect, name, value)) {
                (false, _) => format!("unknown, {:?}", meant(dialect, name, &request)),
                (true, Some(wrong)) => format!("must be {wrong}"),
                (true, None) => "fits".to_owned(),
            }
        };
        for (dialect, name, value, expected) in [
            ("openai-chat", "temperature", "0.5", "fits"),
            ("openai-chat", "temperature", "hot", "must be a number"),
            ("openai-chat", "temperature", "null", "fits"),
            ("openai-chat", "max_tokens", "12.5", "must be a whole number"),
            ("openai-chat", "tools", "{}", "must be a list"),
            ("openai-chat", "stop", "x", "fits"),
            ("openai-chat", "sistem", "x", r#"unknown, Some("system")"#),
            ("openai-chat", "custom_flga", "x", r#"unknown, Some("custom_flag")"#),
            ("openai-chat", "zzzzzz", "x", "unknown, None"),
            ("openai-responses", "instructions", "7", "fits"),
            ("openai-responses", "max_tokens", "7", "unknown, None"),
            ("openai-responses", "store", "yes", "must be true or false"),
            ("anthropic-messages", "thinking", "on", "must be an object"),
            ("anthropic-messages", "presence_penalty", "1", "unknown, None"),
            ("mistral-chat", "random_sed", "1", r#"unknown, Some("random_seed")"#),
            ("mistral-conversations", "store", "1", "must be true or false"),
            ("openai-embeddings", "dimensions", "many", "must be a whole number"),
        ] {
            assert_eq!(check(dialect, name, value), expected, "{dialect}.{name}={value}");
        }
    }
}
