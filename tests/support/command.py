"""A command of the program in this process: from its words to its exit code. Talks to what it is pointed at.

What a process does beside that (imports, signals, the streams of the system, its end) is left out, and
with it three quarters of the processor time.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncclick import ClickException

from plldb.aws.environment import drop_empty
from plldb.cli.main import parse
from plldb.cli.output.renderer import Terminal
from plldb.cli.run import perform
from tests.support.program import Finished

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LOGGERS = ("plldb", "botocore", "aiobotocore")
_under_way = asyncio.Semaphore(1)


async def run(*arguments: str, env: Mapping[str, str], seconds: float) -> Finished | None:
    """Run a command to its end; None if only a process can, or if the environment is in use by another run.

    A bug in the program is raised, and what it leaves open fails the test as a warning.
    """
    if _under_way.locked():
        return None
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    start = time.monotonic()
    async with _under_way:
        with _environment(env), _logging():
            try:
                asked = parse(arguments)
            except ClickException:  # how a process tells it, main.main says
                return None
            if asked is None:
                return None
            terminal = Terminal(stdin=io.StringIO(), stdout=out, stderr=err, environ=dict(os.environ))
            async with asyncio.timeout(seconds):
                code = await perform(asked.load(asked, None), asked.settings, terminal, asyncio.Event())
    return Finished(code=code, stdout=_read(out), stderr=_read(err), seconds=time.monotonic() - start)


def _read(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    drop_empty(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _logging() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(each, each.handlers, each.level, each.propagate) for each in loggers]
    try:
        yield
    finally:
        for each, handlers, level, propagate in before:
            each.handlers, each.propagate = handlers, propagate
            each.setLevel(level)
