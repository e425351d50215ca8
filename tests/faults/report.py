"""docs/reliability.md, from the results of a run. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING

from plldb.aws.pace import Pace
from tests.faults.harm import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INTRODUCTION = """\
# Reliability

What becomes of setup, an updating setup and destroy when something goes wrong, found by experiment: a proxy
between plldb and an emulator of AWS (MiniStack) does the harm. This page was written by the run itself:

```sh
scripts/test -e faults -- --write-report
```

The tests are in [tests/faults](../tests/faults). AWS itself was not asked.
"""

FAULTS_TEXT = """\
## Faults

One request of the operation fails; ExpiredToken and AccessDenied stay from then on. *(last)* is the last
request of an operation that is used several times. In every cell there was no traceback and no hang; a run
that recovered left what it should, and the same command, run again without the fault, ended in the right
state.

- `recovers`: by itself, in the same run
- anything else is the code of the one error that the run ended with. It names the operation and the way out;
  `access-denied`, and `bucket` where S3 denies each key by itself, name the missing IAM action
- `-`: not tried; it makes no difference there what has happened before
"""

PROGRAM_TEXT = """\
## The installed program

The same through the command line: exit codes. No traceback, and a failure is one line `error:` and one line
`hint:`.
"""

SECTIONS = (
    ("faults", "### Never an answer"),
    (
        "crashes",
        "## Crashes\n\nKilled by SIGKILL when a request has taken effect and plldb has not heard of it.",
    ),
    (
        "hands",
        "## Done by hand\n\nAn error names the way out; the next run is the same command again.",
    ),
    ("together", "## Together"),
    ("doors", "## Doors"),
    (
        "load",
        "## Load\n\nOn two cores, shared with the emulator. A peak is resident memory of the whole process.",
    ),
)

TIMES_TEXT = """\
## Timeouts and retries

A request is sent again after a failure that may go away: no connection, a broken one, no answer in time, a
truncated answer, HTTP 5xx. Throttling is no failure: it is waited out. Requests that may have taken effect
are safe to repeat: operations of CloudFormation carry a client request token, uploads of packages are
conditional (`IfNoneMatch`, `IfMatch`), and everything else has the same result twice.

So one request that is not answered ends in an error after {bound:.0f} s at the latest: {attempts} attempts,
each {connect:.0f} s to connect and {read:.0f} s for the answer, and the waits between them. One that is
throttled all the time ends after {throttled:.0f} s. Only following the events of an operation knows no end
but that of the operation: failing reads are repeated, and each is told. Ctrl-C ends it, and CloudFormation
goes on.

The times are those of `plldb.aws.pace.Pace`, in seconds where they are no counts; the library takes others:

| | |
|---|---|
"""


class Report:
    """Collects results in the order in which tests tell them."""

    def __init__(self) -> None:
        self.cells: defaultdict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        self.lines: defaultdict[str, list[str]] = defaultdict(list)

    def add_cell(self, scenario: str, operation: str, fault: str, outcome: str) -> None:
        """The outcome of a fault of an operation."""
        self.cells[scenario].setdefault(operation, {})[fault] = outcome

    def tell(self, section: str, line: str) -> None:
        """A sentence for a section."""
        self.lines[section].append(line)

    def missing(self) -> list[str]:
        """What a whole run would have told and this one has not."""
        return [name for name, _ in SECTIONS if name not in self.lines] + ([] if self.cells else ["cells"])

    def render(self) -> str:
        """The page."""
        library = {name: table for name, table in self.cells.items() if not name.endswith(", the program")}
        program = {name: table for name, table in self.cells.items() if name not in library}
        parts = [INTRODUCTION, FAULTS_TEXT]
        parts += _render_tables(library)
        for name, head in SECTIONS:
            parts.append(f"{head}\n\n" + "".join(f"- {line}\n" for line in self.lines[name]))
            if name == "faults":
                parts.append(PROGRAM_TEXT)
                parts += _render_tables(program)
        parts.append(_render_times(Pace()))
        return "\n".join(parts)


def _render_tables(tables: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    return [f"### {name[0].upper()}{name[1:]}\n\n{_render_table(table)}" for name, table in tables.items()]


def _render_table(table: dict[str, dict[str, str]]) -> str:
    names = [fault.name for fault in FAULTS]
    head = [["operation", *names], ["---"] * (len(names) + 1)]
    rows = [[operation, *(table[operation].get(name, "-") for name in names)] for operation in sorted(table)]
    return "".join(_row(row) for row in [*head, *rows])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _render_times(pace: Pace) -> str:
    waits: Iterable[float] = (
        min(pace.first_wait * 2**attempt, pace.longest_wait) for attempt in range(pace.attempts - 1)
    )
    bound = pace.attempts * (pace.connect_timeout + pace.read_timeout) + sum(waits)
    head = TIMES_TEXT.format(
        bound=bound,
        attempts=pace.attempts,
        connect=pace.connect_timeout,
        read=pace.read_timeout,
        throttled=pace.throttled_for,
    )
    return head + "".join(_row([f"`{each.name}`", f"{getattr(pace, each.name):g}"]) for each in fields(pace))
