//! What a program printed and returned, as one text for a snapshot.

use std::process::Output;

/// Standard output, then standard error below `--- stderr`, then an exit code other than 0.
pub(crate) fn whole(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.stderr.is_empty() {
        text.push_str("--- stderr\n");
        text.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&format!("--- exit {code}\n"));
        }
        None => text.push_str("--- ended by a signal\n"),
    }
    text
}
