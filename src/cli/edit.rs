//! Editing a node in the user's editor: its fields as text, and the changes that come back.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::process::Command;

use super::{Error, Kind};
use crate::config;
use crate::model::{NodeId, Run};
use crate::replay::{self, Wanted};
use crate::text::json::Path;

const SEE_FIELDS: &str = "see what it has with `retake show RUN:NODE`";

/// What a heading begins with.
const HEADING: &str = "#= ";

/// Opens a node in the editor, or one field of it; returns what was changed.
pub(crate) fn edit(run: &Run, node: NodeId, only: Option<&str>) -> Result<Vec<Wanted>, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::new(Kind::Usage, "`--edit` needs a terminal")
            .hint(format!("change a field without one: `--set {node}.PATH=VALUE` or `--set-file {node}.PATH=FILE`")));
    }
    let mut before = replay::editable(run, node);
    if let Some(only) = only {
        before.retain(|(path, _)| path == only);
        if before.is_empty() {
            let path = Path::parse(only).map_err(|_| Error::new(Kind::Usage, format!("`{only}` is no path")))?;
            let text = replay::value(run, node, &path)
                .map_err(|error| Error::new(Kind::Usage, error.to_string()).hint(SEE_FIELDS))?;
            before.push((only.to_owned(), text));
        }
    }
    let text = write(&before, node);
    let directory = std::env::temp_dir();
    let path = directory.join(format!("retake-{}-{node}-{}.txt", run.id, std::process::id()));
    let failed = |error: io::Error| Error::new(Kind::Failed, "cannot edit the node").cause(&error);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
    let edited = run_editor(&path).and_then(|()| std::fs::read_to_string(&path));
    // It holds recorded text, so it does not stay behind.
    let _ = std::fs::remove_file(&path);
    let after = read(&edited.map_err(failed)?);
    let mut changes = Vec::new();
    for (field, old) in &before {
        let new = after.iter().find(|(known, _)| known == field).map(|(_, text)| text);
        if let Some(new) = new
            && new.trim_end() != old.trim_end()
        {
            let path =
                Path::parse(field).map_err(|_| Error::new(Kind::Failed, format!("`{field}` cannot be edited")))?;
            changes.push(Wanted { node, path, value: new.trim_end_matches('\n').to_owned() });
        }
    }
    if changes.is_empty() {
        return Err(Error::new(Kind::Usage, format!("nothing was changed in node {node}")));
    }
    Ok(changes)
}

fn run_editor(path: &std::path::Path) -> io::Result<()> {
    let editor = config::editor().unwrap_or_else(|| "vi".to_owned());
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("`{editor}` failed"))) }
}

fn write(fields: &[(String, String)], node: NodeId) -> String {
    let mut text =
        format!("Node {node}: change what stands under a heading, save and close. Headings stay as they are.\n");
    for (path, value) in fields {
        let _ = write!(text, "\n{HEADING}{path}\n{value}\n");
    }
    text
}

fn read(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(path) = line.strip_prefix(HEADING) {
            found.push((path.trim().to_owned(), String::new()));
        } else if let Some((_, value)) = found.last_mut() {
            if !value.is_empty() {
                value.push('\n');
            }
            value.push_str(line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_written_read_back() {
        let fields =
            vec![("system".to_owned(), "Be brief.\nAlways.".to_owned()), ("answer".to_owned(), "yes".to_owned())];
        let back = read(&write(&fields, NodeId(3)));
        let trimmed: Vec<(String, String)> =
            back.into_iter().map(|(path, text)| (path, text.trim_end().to_owned())).collect();
        assert_eq!(trimmed, fields);
    }
}
