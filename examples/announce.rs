//! Tells the recorder what happens inside the process: a step with a retrieval and two tools in it.
//!
//! `retake record cargo run --example announce` shows them as nodes; without retake it simply runs.

#![expect(clippy::print_stdout, reason = "it shows what came of the nodes")]

use retake::announce::{self, Document, Outcome};

fn main() {
    let answer = announce::step("plan a crossing", || {
        let pages = announce::retrieval("timetable", "boats on Monday", || {
            let text = "The boat leaves at noon.".to_owned();
            Ok(vec![Document { id: Some("p1".into()), text, score: Some("0.9".into()), ..Document::default() }])
        });
        let found = pages.map_or_else(|error| error, |pages| pages.iter().map(|page| page.text.as_str()).collect());
        let wind = announce::tool("wind", "call_1", r#"{"day":"monday"}"#, || Ok("force 4".to_owned()));
        let seats = announce::tool("seats", "call_2", r#"{"boat":"noon"}"#, || Err("the office is closed".to_owned()));
        format!("{found} Wind: {}. Seats: {}.", wind.unwrap_or_else(|error| error), seats.unwrap_or_else(|error| error))
    });
    println!("{answer}");
    let checked = announce::node("guardrail", "no promises", "null", || Outcome {
        output: Some((!answer.contains("promise")).to_string()),
        ..Outcome::default()
    });
    println!("guardrail: {}", checked.output.unwrap_or_default());
}
