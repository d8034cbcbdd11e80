//! Which requests are equal in canonical form, and where others differ.

use super::canonical::*;
use super::keys;
use crate::text::json::Json;

fn make(rule: &'static Rule, text: &str) -> Canonical {
    json("test", rule, Json::parse_text(text).expect("the test's text is JSON"), &|id| {
        (id == "resp_1").then_some([7; 32])
    })
}

fn same(rule: &'static Rule, left: &str, right: &str) {
    let (left, right) = (make(rule, left), make(rule, right));
    assert_eq!(left.differences(&right, 3), vec![]);
    assert_eq!(left.key, right.key);
}

fn differ(rule: &'static Rule, left: &str, right: &str, path: &str) {
    let (left, right) = (make(rule, left), make(rule, right));
    assert_ne!(left.key, right.key);
    assert_eq!(left.differences(&right, 1).first().map(|found| found.path.as_str()), Some(path));
}

#[test]
fn what_the_contract_calls_equal_is_equal() {
    let rule = &keys::CHAT;
    same(rule, r#"{"model":"m","temperature":1.0}"#, r#"{ "temperature" : 1e0, "model":"\u006d"}"#);
    same(rule, r#"{"a":1200}"#, r#"{"a":1.2e3,"user":"u","stream":true,"metadata":{"x":1}}"#);
    same(
        rule,
        r#"{"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}]}"#,
    );
    same(
        rule,
        r#"{"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}]}"#,
        r#"{"tools":[{"type":"function","function":{"name":"b"}},{"type":"function","function":{"name":"a"}}]}"#,
    );
    let turn = |one: &str, two: &str, arguments: &str, results: [(&str, &str); 2]| {
        format!(
            r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"id":"{one}","type":"function","function":{{"name":"f","arguments":{arguments}}}}},{{"id":"{two}","type":"function","function":{{"name":"g","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"{}","content":"{}"}},{{"role":"tool","tool_call_id":"{}","content":"{}"}}]}}"#,
            results[0].0, results[0].1, results[1].0, results[1].1
        )
    };
    let first = turn("c1", "c2", r#""{\"x\": 1}""#, [("c1", "r1"), ("c2", "r2")]);
    same(rule, &first, &turn("d8", "d9", r#""{\"x\":1.0}""#, [("d9", "r2"), ("d8", "r1")]));
    differ(rule, &first, &turn("c1", "c2", r#""{\"x\":1}""#, [("c2", "r1"), ("c1", "r2")]), "messages[1].content");
    differ(
        rule,
        &first,
        &turn("c1", "c2", r#""{\"x\":2}""#, [("c1", "r1"), ("c2", "r2")]),
        "messages[0].tool_calls[0].function.arguments.x",
    );
    same(&keys::RESPONSES, r#"{"input":"hi"}"#, r#"{"input":[{"role":"user","content":"hi"}]}"#);
    same(&keys::EMBEDDINGS, r#"{"input":"a __RETAKE_SECRET_4__ b"}"#, r#"{"input":"a __RETAKE_SECRET_9__ b"}"#);
}

#[test]
fn results_have_no_order_of_their_own_also_where_a_tool_returned_nothing() {
    let all = [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]];
    let lists = |template: &str, results: [&str; 3]| {
        all.map(|order| template.replace('@', &order.map(|place| results[place]).join(",")))
    };
    let check = |rule, template: &str, results: [&str; 3]| {
        let [first, others @ ..] = lists(template, results);
        for other in others {
            same(rule, &first, &other);
        }
        let swapped = results.map(|result| result.replace("c1", "c9").replace("c3", "c1").replace("c9", "c3"));
        let [other, ..] = lists(template, swapped.each_ref().map(String::as_str));
        assert_ne!(make(rule, &first).key, make(rule, &other).key, "{other}");
    };
    let chat = r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"c1"},{"id":"c2"},{"id":"c3"}]},@]}"#;
    let blocks = r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"c1"},{"type":"tool_use","id":"c2"},{"type":"tool_use","id":"c3"}]},{"role":"user","content":[@]}]}"#;
    let items = r#"{"input":[{"type":"function_call","call_id":"c1"},{"type":"function_call","call_id":"c2"},{"type":"function_call","call_id":"c3"},@]}"#;
    let entries = r#"{"inputs":[{"type":"function.call","tool_call_id":"c1"},{"type":"function.call","tool_call_id":"c2"},{"type":"function.call","tool_call_id":"c3"},@]}"#;
    for void in ["", r#","VALUE":null"#, r#","VALUE":"""#] {
        let results = |before: &str, key: &str| {
            [("c1", r#","VALUE":"one""#), ("c2", void), ("c3", r#","VALUE":"three""#)]
                .map(|(id, value)| format!("{{{before}:\"{id}\"{}}}", value.replace("VALUE", key)))
        };
        for (rule, template, before, key) in [
            (&keys::CHAT, chat, r#""role":"tool","tool_call_id""#, "content"),
            (&keys::MESSAGES, blocks, r#""type":"tool_result","tool_use_id""#, "content"),
            (&keys::RESPONSES, items, r#""type":"function_call_output","call_id""#, "output"),
            (&keys::CONVERSATIONS, entries, r#""type":"function.result","tool_call_id""#, "result"),
            // The calls stand in an answer that only the provider has.
            (
                &keys::RESPONSES,
                r#"{"previous_response_id":"r","input":[@]}"#,
                r#""type":"function_call_output","call_id""#,
                "output",
            ),
            (
                &keys::RESPONSES,
                r#"{"conversation":"k","input":[@,{"role":"user","content":"and?"}]}"#,
                r#""type":"custom_tool_call_output","call_id""#,
                "output",
            ),
            (&keys::CONVERSATIONS, r#"{"inputs":[@]}"#, r#""type":"function.result","tool_call_id""#, "result"),
        ] {
            check(rule, template, results(before, key).each_ref().map(String::as_str));
        }
    }
}

#[test]
fn what_distinguishes_is_never_equal() {
    let rule = &keys::CHAT;
    differ(rule, r#"{"seed":12345678901234567890123}"#, r#"{"seed":12345678901234567890124}"#, "seed");
    differ(rule, r#"{"a":0.1}"#, r#"{"a":0.10000000000000000001}"#, "a");
    differ(rule, r#"{"a":"1"}"#, r#"{"a":1}"#, "a");
    differ(rule, r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#, "a");
    differ(rule, r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#, "a");
    differ(rule, r#"{"a":1,"a":2}"#, r#"{"a":2}"#, "a");
    differ(rule, r#"{"a":1,"b":2}"#, r#"{"a":1,"c":2}"#, "b");
    differ(rule, r#"{"a":1}"#, r#"{"a":1,"top_p":null}"#, "top_p");
    differ(
        rule,
        r#"{"messages":[{"content":"x"}]}"#,
        r#"{"messages":[{"content":"x"},{"content":"y"}]}"#,
        "messages[1]",
    );
    differ(
        &keys::RESPONSES,
        r#"{"previous_response_id":"resp_1"}"#,
        r#"{"previous_response_id":"resp_2"}"#,
        "previous_response_id",
    );
    let deep = |leaf: &str| format!("{}{leaf}{}", "[".repeat(10_000), "]".repeat(10_000));
    let (left, right) = (make(rule, &deep("1")), make(rule, &deep("2")));
    assert_ne!(left.key, right.key);
}

#[test]
fn results_of_tools_are_known_by_their_calls() {
    let text = r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"},{"role":"user","content":"a"}]}"#;
    let made = make(&keys::RESPONSES, text);
    assert_eq!(made.results.len(), 1);
    assert_eq!(made.results[0].call_id, "c");
    assert_eq!(made.body().value(made.results[0].item).raw(), br#""1""#);
}
