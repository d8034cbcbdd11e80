//! The shapes that `--json` prints. They are a promise: a change that this test notices breaks somebody's script.

use retake::format::json;
use retake::model::{NodeId, State};

use crate::support::runs as made;

#[test]
fn runs_have_a_stable_shape() {
    let mut replay = made::summary(&made::replayed(), State::Finished);
    replay.grade = Some("2 nodes: 1 held, 1 refused".to_owned());
    replay.tags = vec!["good".to_owned()];
    insta::assert_snapshot!(json::run(&replay), @r#"{"type":"run","id":"pvwuqxtm","state":"finished","started":"2026-11-24T08:00:00.000000Z","duration_us":3100000,"command":["node","agent.mjs"],"directory":"/home/ada/agent","origin":"replay","exit_code":1,"parent":"nrsvlkyo","changes":["--set 1.system=\"You sell chairs.\""],"grade":"2 nodes: 1 held, 1 refused","nodes":4,"model_calls":2,"tokens":225,"models":[],"tools":[],"tags":["good"]}"#);
}

#[test]
fn nodes_and_edges_have_a_stable_shape() {
    let run = made::prices();
    insta::assert_snapshot!(json::whole(&run, &made::summary(&run, State::Finished)), @r#"
    {"type":"run","id":"nrsvlkyo","state":"finished","started":"2026-11-24T08:00:00.000000Z","duration_us":7900000,"command":["node","agent.mjs"],"directory":"/home/ada/agent","origin":"record","exit_code":0,"parent":null,"changes":[],"grade":null,"nodes":4,"model_calls":2,"tokens":225,"models":[],"tools":[],"tags":[]}
    {"type":"node","run":"nrsvlkyo","id":1,"kind":"llm","name":"","source":"wire","lane":null,"started":"2026-11-24T08:00:00.000000Z","duration_us":1200000,"error":null,"attempts":1,"dialect":"openai-chat","model":"gpt-5-mini","answered_by":"gpt-5-mini","finish":"stop","tokens":{"input":60,"output":31,"cached":null,"cache_written":null,"reasoning":null},"tool_state":null,"decided":null}
    {"type":"node","run":"nrsvlkyo","id":2,"kind":"tool","name":"get_price","source":"conversation","lane":null,"started":"2026-11-24T08:00:01.200000Z","duration_us":200000,"error":null,"attempts":1,"dialect":null,"model":null,"answered_by":null,"finish":null,"tokens":null,"tool_state":"result_seen","decided":null}
    {"type":"node","run":"nrsvlkyo","id":3,"kind":"tool","name":"get_stock","source":"conversation","lane":null,"started":"2026-11-24T08:00:01.200000Z","duration_us":200000,"error":null,"attempts":1,"dialect":null,"model":null,"answered_by":null,"finish":null,"tokens":null,"tool_state":"result_seen","decided":null}
    {"type":"node","run":"nrsvlkyo","id":4,"kind":"llm","name":"","source":"wire","lane":null,"started":"2026-11-24T08:00:01.400000Z","duration_us":1100000,"error":null,"attempts":1,"dialect":"openai-chat","model":"gpt-5-mini","answered_by":"gpt-5-mini","finish":"stop","tokens":{"input":120,"output":14,"cached":null,"cache_written":null,"reasoning":null},"tool_state":null,"decided":null}
    {"type":"edge","run":"nrsvlkyo","from":1,"to":2,"kind":"tool_call","passages":[]}
    {"type":"edge","run":"nrsvlkyo","from":1,"to":3,"kind":"tool_call","passages":[]}
    {"type":"edge","run":"nrsvlkyo","from":1,"to":4,"kind":"then","passages":[]}
    {"type":"edge","run":"nrsvlkyo","from":2,"to":4,"kind":"tool_result","passages":[]}
    {"type":"edge","run":"nrsvlkyo","from":3,"to":4,"kind":"tool_result","passages":[]}
    "#);
}

#[test]
fn a_node_in_full_has_a_stable_shape() {
    let full = |run: &retake::model::Run, id| json::node_in_full(run, NodeId(id)).expect("there is such a node");
    insta::assert_snapshot!(full(&made::prices(), 4), @r#"
    {"type":"node","run":"nrsvlkyo","id":4,"kind":"llm","name":"","source":"wire","lane":null,"started":"2026-11-24T08:00:01.400000Z","duration_us":1100000,"error":null,"attempts":1,"dialect":"openai-chat","model":"gpt-5-mini","answered_by":"gpt-5-mini","finish":"stop","tokens":{"input":120,"output":14,"cached":null,"cache_written":null,"reasoning":null},"tool_state":null,"decided":null,"messages":[{"path":"messages[0]","role":"system","name":null,"parts":[{"part":"text","path":"","text":"You sell lamps.","id":null,"name":null}]},{"path":"messages[1]","role":"user","name":null,"parts":[{"part":"text","path":"","text":"What do two lamps cost?","id":null,"name":null}]},{"path":"messages[2]","role":"assistant","name":null,"parts":[{"part":"tool_call","path":"messages[2].tool_calls[0]","text":"{\"item\": \"lamp\", \"count\": 2}","id":"call_a","name":"get_price"},{"part":"tool_call","path":"messages[2].tool_calls[1]","text":"{\"item\": \"lamp\"}","id":"call_b","name":"get_stock"}]},{"path":"messages[3]","role":"tool","name":null,"parts":[{"part":"tool_result","path":"messages[3].content","text":"{\"total\": 98}","id":"call_a","name":null}]},{"path":"messages[4]","role":"tool","name":null,"parts":[{"part":"tool_result","path":"messages[4].content","text":"7 left\u001b[2J","id":"call_b","name":null}]}],"texts":null,"tools":[],"parameters":[],"answer":"Two lamps cost 98, and 7 are left.","tool_calls":[],"arguments":null,"result":null,"input":null,"output":null,"documents":null}
    {"type":"edge","run":"nrsvlkyo","from":1,"to":4,"kind":"then","passages":[]}
    {"type":"edge","run":"nrsvlkyo","from":2,"to":4,"kind":"tool_result","passages":[]}
    {"type":"edge","run":"nrsvlkyo","from":3,"to":4,"kind":"tool_result","passages":[]}
    "#);
    insta::assert_snapshot!(full(&made::weekend(), 2), @r#"
    {"type":"node","run":"kmqxpwtz","id":2,"kind":"retrieval","name":"wiki","source":"wire","lane":null,"started":"2026-11-24T08:00:01.200000Z","duration_us":100000,"error":null,"attempts":1,"dialect":null,"model":null,"answered_by":null,"finish":null,"tokens":null,"tool_state":null,"decided":null,"messages":null,"texts":null,"tools":null,"parameters":null,"answer":null,"tool_calls":null,"arguments":null,"result":null,"input":"{\"query\":\"Lyon\",\"k\":5}","output":null,"documents":[{"id":"doc-0","text":"Lyon is the third-largest city","score":"0.83","metadata":null}]}
    {"type":"edge","run":"kmqxpwtz","from":1,"to":2,"kind":"data","passages":[]}
    {"type":"edge","run":"kmqxpwtz","from":2,"to":5,"kind":"data","passages":[{"from":"documents[0].text","from_range":[0,30],"to":"messages[1].content","to_range":[4,34],"certainty":"exact"}]}
    "#);
    assert!(json::node_in_full(&made::prices(), NodeId(9)).is_none());
}
