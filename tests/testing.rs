//! `retake::testing`: workflows as tests of Rust code, whose failures `cargo insta` can review.

use crate::support::shop::{Shop, examples, repository};
use crate::support::team::steady;

#[test]
fn a_workflow_of_this_project_is_tested() {
    // `retake.toml` names the examples where cargo puts them by itself.
    if examples() == repository("target/debug/examples") {
        retake::testing::workflow("weather");
    }
    let report = retake::testing::check("none").expect_err("there is no such workflow");
    assert!(report.starts_with("`retake.toml` has no workflow `none`; it has: weather, "), "{report}");
}

#[test]
fn what_changed_fails_with_the_report_and_waits_for_review() {
    let shop = Shop::kept();
    let checked = || {
        let ran = shop.example(&["checked", "lamp"]);
        (ran.status.code(), steady(&String::from_utf8_lossy(&ran.stdout)))
    };
    assert_eq!(checked(), (Some(0), String::new()));
    shop.fix();
    let (code, report) = checked();
    assert_eq!(code, Some(1), "{report}");
    insta::assert_snapshot!(report, @r"
    FAIL  lamp    8 nodes  <time>
          B1.1 get_price (node <n>)  this tool ran again and returned something else; what was recorded was held
            result
            - The brass lamp costs 4999 dollars.
            + The brass lamp costs 49.99 dollars.
          look into it with `retake diff <run> <run>` or `retake step <run>`
    hint: accept or reject it with `retake review` or `cargo insta review`
    ");
    let folder = shop.env.work().join("snapshots");
    let (old, new) = (folder.join("lamp.snap"), folder.join("lamp.snap.new"));
    let [was, is] = [&old, &new].map(|path| insta::Snapshot::from_file(path).expect("insta reads it"));
    assert_eq!(is.metadata().expression(), Some("lamp"));
    let said = |snapshot: &insta::Snapshot| snapshot.as_text().expect("it is text").to_string();
    assert!(said(&was).contains("costs 4999 dollars") && said(&is).contains("costs 49.99 dollars"), "{}", said(&is));
    // As `cargo insta accept` does.
    std::fs::rename(&new, &old).expect("it is there");
    assert_eq!(checked(), (Some(0), String::new()));
    let left: Vec<_> =
        std::fs::read_dir(&folder).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "the recording went along: {left:?}");
}
