//! The shop of the README: what a change of a tool reaches through two agents, and what it does not.

use crate::support::shop::{QUESTION, Shop, repository};

#[test]
fn a_change_reaches_through_the_agents_between() {
    let shop = Shop::new();
    let (out, _) = shop.well(&["record", "shop", QUESTION]);
    assert_eq!(out, "The brass lamp costs 4999 dollars. A lamp can be returned for 30 days.\n");
    let (out, err) = shop.well(&["replay", "--set", "6.result=The brass lamp costs 49.99 dollars."]);
    assert_eq!(out, "The brass lamp costs 49.99 dollars. A lamp can be returned for 30 days.\n", "{err}");
    assert!(err.contains("3 exact, 1 sent changed, 1 sent;") && !err.contains("held"), "{err}");
    // Another answer of the agent itself is handed on likewise.
    let (out, err) = shop.well(&["replay", "--set", "7.answer=It costs 7 euros for the lamp."]);
    assert!(out.starts_with("It costs 7 euros for the lamp. "), "{out}{err}");
}

#[test]
fn what_no_change_caused_is_held_still() {
    let shop = Shop::new();
    shop.well(&["record", "shop", QUESTION]);
    shop.fix();
    let (out, err) = shop.well(&["replay", "--set", "5.system=Answer in capitals and one sentence."]);
    assert_eq!(out, "The brass lamp costs 4999 dollars. A LAMP CAN BE RETURNED FOR 30 DAYS.\n", "{err}");
    assert!(err.contains("get_price The brass lamp costs 49.99 dollars., held The brass lamp costs 4999"), "{err}");
}

#[test]
fn the_commands_of_the_example_for_ci_are_true() {
    let text = std::fs::read_to_string(repository("examples/ci/agents.yml")).expect("it is there");
    let commands: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("run: retake ")).collect();
    assert_eq!(commands, ["test --junit retake.xml"]);
    assert!(text.contains(&format!("retake@{}", env!("CARGO_PKG_VERSION"))), "another version is installed");
    assert!(!text.contains("secrets.") && !text.contains("_KEY"), "no key is needed");
    let shop = Shop::kept();
    let words: Vec<&str> = commands[0].split(' ').collect();
    let (out, _) = shop.well(&words);
    assert!(out.contains("1 workflow: 1 passed"), "{out}");
    let report = std::fs::read_to_string(shop.env.work().join("retake.xml")).expect("it was written");
    assert!(report.contains("tests=\"1\"") && report.contains("failures=\"0\""), "{report}");
    shop.fix();
    let ran = shop.run(&words);
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stdout));
}
