//! `retake export`, and `retake import` of what it wrote.

use crate::support::env::TestEnv;

#[test]
fn a_run_goes_to_another_store() {
    let (here, there) = (TestEnv::new(), TestEnv::new());
    here.keep("kmqxpwtz", 0, None);
    insta::assert_snapshot!(here.line("export"), @"
    --- stderr
    wrote kmqxpwtz to `kmqxpwtz.retake`
    ");
    insta::assert_snapshot!(here.line("export"), @"
    --- stderr
    error: `kmqxpwtz.retake` already exists
    --- exit 2
    ");
    let file = here.work().join("kmqxpwtz.retake");
    let bytes = std::fs::read(&file).expect("it was written");
    there.write("kmqxpwtz.retake", bytes);
    assert_eq!(there.line("show ./kmqxpwtz.retake"), here.line("show"));
    insta::assert_snapshot!(there.line("import kmqxpwtz.retake"), @"kmqxpwtz");
    insta::assert_snapshot!(there.line("import kmqxpwtz.retake"), @"kmqxpwtz");
    assert_eq!(there.line("show"), here.line("show"));
    there.write("odd.retake", "no recording");
    insta::assert_snapshot!(there.line("import odd.retake"), @"
    --- stderr
    error: cannot import `odd.retake`
    caused by: `odd.retake` is not a recording
    --- exit 2
    ");
    insta::assert_snapshot!(there.line("show ./odd.retake"), @"
    --- stderr
    error: cannot read `./odd.retake`
    caused by: `./odd.retake` is not a recording
    --- exit 2
    ");
}
