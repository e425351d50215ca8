"""The picture of ``plldb attach``: a terminal beside an editor at a breakpoint. Talks to the test cloud.

The editor is a client of the Debug Adapter Protocol; what it has been told is drawn as editors draw it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import venv
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from scripts._demo_debugger import CODE, LINE, Shop
from scripts._terminal import draw, open_terminal
from scripts.demo import open_client
from tests.support.cloud import start_cloud
from tests.support.dap import editor
from tests.support.environment import Credentials, aws_settings, isolated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from tests.support.cloud import Cloud
    from tests.support.dap import Stop

ACCOUNT = "123456789012"
ROLE = "Developer"
TERMINAL_COLUMNS, ROWS = 88, 40
EDITOR_COLUMNS = 62
LONGEST_SECONDS = 120.0
LABEL = "plldb attach in a terminal, and beside it an editor that stands at a breakpoint of the invocation"


async def draw_attach() -> str:
    """A session with the demonstration's two functions; drawn while a message of the queue stands still."""
    async with AsyncExitStack() as stack, asyncio.timeout(LONGEST_SECONDS):
        cloud = await stack.enter_async_context(start_cloud())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plldb-picture-")))
        environment = isolated(os.environ, folder) | await settings_of_a_developer(cloud)
        await set_up(environment, folder)
        shop = Shop(cloud, partial(open_client, endpoint=cloud.direct))
        await shop.deploy()
        project = folder / "shop"
        project.mkdir()
        source = project / "index.py"
        source.write_text(CODE % "this machine")
        venv.create(project / ".venv", symlinks=True)
        terminal = await stack.enter_async_context(
            open_terminal(
                (sys.executable, "-m", "plldb", "attach", "shop", "--yes"),
                environment,
                project,
                columns=TERMINAL_COLUMNS,
                rows=ROWS,
            )
        )
        await terminal.wait_for(lambda text: "Ctrl-C" in text)
        async with editor(5678, {source: [LINE]}) as one:
            caller = asyncio.create_task(shop.ask("/orders/17"))
            await (await one.stop()).go_on()
            await terminal.wait_for(lambda text: "answered" in text)
            await caller
            await shop.send("two mails")
            stop = await one.stop()
            await terminal.wait_for(lambda text: "#2" in text)
            rows = terminal.rows()
            seen = await look(stop, source)
            await stop.go_on()
        terminal.process.send_signal(signal.SIGINT)
        await terminal.end()
    return draw([beside(rows, seen)], columns=TERMINAL_COLUMNS + EDITOR_COLUMNS, title="plldb", label=LABEL)


async def settings_of_a_developer(cloud: Cloud) -> dict[str, str]:
    """The environment of somebody who works in the test cloud."""
    trust = {"AWS_CA_BUNDLE": str(cloud.ca), "SSL_CERT_FILE": str(cloud.ca)}
    return aws_settings(cloud.url, await assume_role(cloud.direct)) | trust


async def assume_role(endpoint: str) -> Credentials:
    """The credentials of somebody who has assumed a role, as most developers have."""
    async with open_client("iam", endpoint=endpoint) as iam:
        await iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    async with open_client("sts", endpoint=endpoint) as sts:
        assumed = await sts.assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName="developer"
        )
    keys = assumed["Credentials"]
    return Credentials(
        access_key_id=keys["AccessKeyId"],
        secret_access_key=keys["SecretAccessKey"],
        token=keys["SessionToken"],
    )


async def set_up(environment: dict[str, str], folder: Path) -> None:
    """plldb's own stack; it is in the other picture."""
    command = (sys.executable, "-m", "plldb", "bootstrap", "setup", "--output", "json")
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=folder, stdout=asyncio.subprocess.DEVNULL
    )
    if code := await process.wait():
        raise SystemExit(f"plldb bootstrap setup ended with exit code {code}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the editor has been told of the invocation that stands still."""

    source: str
    line: int
    variables: dict[str, str]
    stack: tuple[str, ...]


async def look(stop: Stop, source: Path) -> Look:
    """Ask the debugger what an editor asks it."""
    frames = [frame for frame in await stop.frames() if frame.get("source", {}).get("path") == str(source)]
    return Look(
        source=await asyncio.to_thread(source.read_text),
        line=frames[0]["line"],
        variables=await stop.variables(),
        stack=tuple(f"{frame['name']}  {source.name}:{frame['line']}" for frame in frames),
    )


def beside(terminal: Sequence[Text], seen: Look) -> Table:
    """The terminal on the left, the editor on the right. Pure."""
    command = Text.assemble(("$ ", "dim"), ("plldb attach shop --yes", "bold"))
    dim_the_endpoint(terminal)
    table = Table.grid(padding=(0, 1))
    table.add_column(width=TERMINAL_COLUMNS)
    table.add_column(width=EDITOR_COLUMNS)
    table.add_row(Text("\n").join((command, *terminal)), Group(*show_editor(seen)))
    return table


def dim_the_endpoint(terminal: Iterable[Text]) -> None:
    """Show its line like the others: that it is an emulator's is no news here."""
    for row in terminal:
        if row.plain.strip().startswith("endpoint"):
            row.spans.clear()


def show_editor(seen: Look) -> Iterator[RenderableType]:
    """The file with its breakpoint, the variables, the call stack. Pure."""
    yield Text.assemble(("index.py", "bold"), ("  stopped at a breakpoint", "yellow"))
    lines = Syntax(seen.source, "python", theme="monokai", background_color="default").highlight(seen.source)
    for number, line in enumerate(lines.split("\n", allow_blank=False), start=1):
        here = number == seen.line
        row = Text.assemble(("●" if here else " ", "red"), (f"{number:>3} ", "dim"), line)
        if here:
            row.pad_right(max(0, EDITOR_COLUMNS - row.cell_len))
            row.stylize("on #4b4a20")
        yield row
    yield Text("\nVariables", style="bold")
    for name, value in seen.variables.items():
        if not name.startswith("special"):
            text = Text.assemble("  ", (name, "cyan"), " = ", value, no_wrap=True)
            text.truncate(EDITOR_COLUMNS, overflow="ellipsis")
            yield text
    yield Text("\nCall stack", style="bold")
    for frame in seen.stack:
        yield Text(f"  {frame}")
