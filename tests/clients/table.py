"""The table of frameworks: what each check's recording and replay were graded, written and compared."""
import re

from case import HERE

FILE = HERE / "TABLE.md"
HEAD = """# Frameworks

Each row is a program that `tests/clients/run` records, grades (`retake grade`) and replays with no key, no network and
nothing sent; the replay must print the same. A row that reads `regressions caught` is one of `tests/clients/workflows.py`:
its program was kept with `retake snapshot`, then changed, and tested with `retake test`.

*exact*: each request is byte for byte as recorded, up to what no provider looks at. *up to names*: ids that are made
anew in each run are renamed. *held*: dates and results of tools that differ are answered as recorded. *interchangeable*:
equal requests were in flight together and answered differently, and nothing tells which is which. A tool that *runs again*
is one whose effect is not known by its name.

Written by `tests/clients/run --table`; each run of the checks compares it with what it sees.

| framework | version | check | nodes | recording | replay |
| --- | --- | --- | ---: | --- | --- |
"""


def brief(line):
    """What a grade line says of the calls."""
    line = re.sub(r" \([^()]*\)", "", line.split(";")[0])
    return re.sub(r"^.*?\b\d+ (calls?|nodes?): ", "", line)


def cells(row):
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def read():
    """Rows by the name of their check."""
    lines = FILE.read_text().splitlines() if FILE.exists() else []
    rows = [cells(line) for line in lines if line.startswith("| ") and not line.startswith(("| framework", "| ---"))]
    return {row[2]: row for row in rows}


def write(rows, known):
    """Writes the rows; those of checks that did not run stay as they were."""
    kept = {name: row for name, row in read().items() if name in known}
    kept.update({row[2]: row for row in rows})
    lines = sorted(kept.values(), key=lambda row: (row[0].lower(), row[2]))
    FILE.write_text(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in lines))


def same(left, right):
    """Whether two cells grade alike. How many names or nodes is a matter of versions and of timing; a tool that draws
    its result may draw the recorded one; and what follows from equal calls in flight together may be refused."""

    def plain(text):
        parts = {re.sub(r"\b\d+ |(?<=name|node|call)s\b", "", part) for part in text.split(", ")}
        parts = {"exact" if part == "held" else part for part in parts}
        return parts - {"refused"} if "interchangeable" in parts else parts

    return plain(left) == plain(right)


def wrong(rows, known, all_ran):
    """What the table says otherwise than the checks saw."""
    there, found = read(), []
    for row in rows:
        was = there.get(row[2])
        if was is None:
            found.append(f"{row[2]} is not in the table")
            continue
        if was[0] != row[0]:
            found.append(f"{row[2]}: the table says it is {was[0]}, not {row[0]}")
        twins = known[row[2]].twins
        found += [f"{row[2]}: the table says `{was[i]}`, seen was `{row[i]}`" for i in (4, 5) if not twins and not same(was[i], row[i])]
    if all_ran:
        found += [f"there is no check {name}, but a row" for name in there if name not in known]
    return found
