//! The two tools of the demo's agent: what the wind will be, and what the crossing costs.

use serde_json::{Value, json};

use super::search::number;

/// Wind force, where it comes from, and the rest, by day of the week.
const FORECAST: [(&str, u8, &str, &str); 7] = [
    ("monday", 3, "west", "sunny, 17 degrees"),
    ("tuesday", 4, "west", "sunny spells, 16 degrees"),
    ("wednesday", 2, "south", "fog until noon, 15 degrees"),
    ("thursday", 5, "south-west", "cloudy, 15 degrees"),
    ("friday", 6, "south-west", "rain from the afternoon, 14 degrees"),
    ("saturday", 7, "south-west", "dry, 14 degrees"),
    ("sunday", 4, "north-west", "showers, 13 degrees"),
];

/// Return fare of a person and of a bicycle, in cents.
const PERSON: u64 = 1150;
const BICYCLE: u64 = 400;

/// The tools as the model is told of them.
pub(super) fn definitions() -> Value {
    let days: Vec<&str> = FORECAST.iter().map(|(day, ..)| *day).collect();
    json!([
        {"type": "function", "function": {
            "name": "get_forecast",
            "description": "Wind and weather of a crossing to the island on one day.",
            "parameters": {
                "type": "object",
                "properties": {"day": {"type": "string", "enum": days, "description": "The day of the week."}},
                "required": ["day"]
            }
        }},
        {"type": "function", "function": {
            "name": "get_fares",
            "description": "What the crossing costs, there and back.",
            "parameters": {
                "type": "object",
                "properties": {
                    "people": {"type": "integer", "description": "How many people travel."},
                    "bicycles": {"type": "integer", "description": "How many bicycles they take."}
                },
                "required": ["people", "bicycles"]
            }
        }}
    ])
}

/// What a tool says.
///
/// # Errors
/// What is wrong with the name or the arguments, for the model to read.
pub(super) fn run(name: &str, arguments: &str) -> Result<String, String> {
    let arguments: Value = serde_json::from_str(arguments).map_err(|_| "the arguments are not JSON".to_owned())?;
    match name {
        "get_forecast" => forecast(arguments["day"].as_str().unwrap_or_default()),
        "get_fares" => fares(count(&arguments["people"])?, count(&arguments["bicycles"])?),
        _ => Err(format!("there is no tool `{name}`; there are `get_forecast` and `get_fares`")),
    }
}

fn forecast(day: &str) -> Result<String, String> {
    let day = day.trim().to_lowercase();
    let known = FORECAST.iter().find(|(name, ..)| *name == day || *name == format!("{day}day"));
    let (name, force, from, rest) = known.ok_or("the day must be one of monday to sunday")?;
    let (first, others) = name.split_at(1);
    Ok(format!("{}{others}: wind force {force} from the {from}, {rest}.", first.to_uppercase()))
}

fn fares(people: u64, bicycles: u64) -> Result<String, String> {
    if people > 60 || bicycles > 60 {
        return Err("the boat has sixty seats".to_owned());
    }
    let cents = people * PERSON + bicycles * BICYCLE;
    let many = |number: u64, one: &str, more: &str| format!("{number} {}", if number == 1 { one } else { more });
    Ok(format!(
        "{} and {} cost {}.{:02} euros, there and back.",
        many(people, "person", "people"),
        many(bicycles, "bicycle", "bicycles"),
        cents / 100,
        cents % 100
    ))
}

/// A count, also where a model wrote it as a text; nothing is none.
fn count(value: &Value) -> Result<u64, String> {
    match value {
        Value::Null => Some(0),
        Value::String(text) => number(&text.trim().to_lowercase()),
        other => other.as_u64(),
    }
    .ok_or_else(|| "`people` and `bicycles` must be whole numbers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_answer_and_explain() {
        for (name, arguments, expected) in [
            (
                "get_forecast",
                r#"{"day":"saturday"}"#,
                Ok("Saturday: wind force 7 from the south-west, dry, 14 degrees."),
            ),
            ("get_forecast", r#"{"day":" Sun"}"#, Ok("Sunday: wind force 4 from the north-west, showers, 13 degrees.")),
            ("get_forecast", "{}", Err("the day must be one of monday to sunday")),
            (
                "get_fares",
                r#"{"people":2,"bicycles":2}"#,
                Ok("2 people and 2 bicycles cost 31.00 euros, there and back."),
            ),
            ("get_fares", r#"{"people":"one"}"#, Ok("1 person and 0 bicycles cost 11.50 euros, there and back.")),
            ("get_fares", r#"{"people":-1}"#, Err("`people` and `bicycles` must be whole numbers")),
            ("get_fares", "two", Err("the arguments are not JSON")),
            ("swim", "{}", Err("there is no tool `swim`; there are `get_forecast` and `get_fares`")),
        ] {
            let found = run(name, arguments);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name} {arguments}");
        }
    }
}
