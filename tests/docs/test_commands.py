"""Blocks of commands on the pages: those with output are run and compared, the others must be possible.

The blocks of one page are run in order, in one account of an emulated AWS. ``…`` on a line of its own stands
for any lines, within a line for any text.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import plldb
from plldb.cli.main import parse
from tests.conftest import OpenClient
from tests.docs.pages import PAGES, ROOT, Block, read_blocks

# What differs from run to run, and what stands for it on the pages.
EVENED_OUT = (
    (r"http://127\.0\.0\.1:(?!9/)\d+", "http://127.0.0.1:4566"),
    (r"\b\d\d:\d\d:\d\dZ", "12:00:00Z"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2026-11-23 12:00:00 UTC"),
    (r"wss://\w+\.execute-api", "wss://a1b2c3d4.execute-api"),
    (r"(plldb-PLLDB\w+Role)-\w+", r"\1-0123456789ABC"),
    (r"\b\d+(\.\d+)? k?B\b", "18.5 kB"),
    (r"\b\d+\.\d+s\b", "0.0s"),
    (re.escape(plldb.__version__), "0.2.0"),
)
ACCOUNT = "123456789012"


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if read_blocks(page, language)]


def blocks_of(language: str) -> list[Block]:
    return [block for page in PAGES for block in read_blocks(page, language)]


@pytest.mark.parametrize("page", pages_with("console"), ids=lambda page: page.name)
async def test_output_is_what_the_page_says(
    page: Path, aws_env: dict[str, str], account: str, open_client: OpenClient, tmp_path: Path
) -> None:
    for block in read_blocks(page, "console"):
        await make_given(block.given, open_client)
        for command, wanted in split_console(block.text):
            output = await run(command, aws_env, tmp_path)
            shown = even_out(output.replace(account, ACCOUNT))
            assert pattern_of(wanted).fullmatch(shown), f"{block}: $ {command}\n{shown}"


async def make_given(what: str, open_client: OpenClient) -> None:
    """Make what a comment before a block says is there."""
    if not what:
        return
    found = re.fullmatch(r"the table (\w+)", what)
    assert found, f"nobody knows how to make {what!r}"
    dynamodb = await open_client("dynamodb")
    await dynamodb.create_table(
        TableName=found[1],
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def split_console(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


async def run(command: str, env: dict[str, str], folder: Path) -> str:
    """What a command prints, errors included. ``env`` stands before ``plldb`` as on the page."""
    words = shlex.split(command)
    at = words.index("plldb")
    process = await asyncio.create_subprocess_exec(
        *(*words[:at], sys.executable, "-m", "plldb", *words[at + 1 :]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**env, "PYTHONUTF8": "1"},
        cwd=folder,
    )
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    return output.decode()


def even_out(text: str) -> str:
    for pattern, stand_in in EVENED_OUT:
        text = re.sub(pattern, stand_in, text)
    return text


def pattern_of(wanted: str) -> re.Pattern[str]:
    lines = [
        r"(?:.*\n)*?" if line == "…" else r".*".join(map(re.escape, re.split("…", line))) + r"\n"
        for line in even_out(wanted).splitlines()
    ]
    return re.compile("".join(lines))


def test_an_ellipsis_stands_for_lines_and_for_text_and_nothing_else_does() -> None:
    pattern = pattern_of("a\n…\nb: … c\n")
    assert pattern.fullmatch("a\nb: x c\n")
    assert pattern.fullmatch("a\nx\ny\nb: x y c\n")
    assert not pattern.fullmatch("a\nb: x d\n")
    assert not pattern.fullmatch("a\nb: x c\nmore\n")


@pytest.mark.parametrize("block", blocks_of("sh"), ids=str)
def test_commands_that_are_not_run_are_possible(block: Block) -> None:
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "plldb":
            parse(words[1:])  # raises for an unknown command or option
        elif words and words[0].startswith("scripts/"):
            assert (ROOT / words[0]).stat().st_mode & 0o100


def test_every_language_of_a_block_is_one_that_is_checked_or_a_drawing() -> None:
    allowed = {"console", "python", "sh", "text"}
    found = {
        language
        for page in PAGES
        for language in re.findall(r"^```(\w*)\n(?:.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    }
    assert found <= allowed
