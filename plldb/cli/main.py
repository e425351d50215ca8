"""The command ``plldb`` and its one error boundary. Talks to the console.

Parsing gives an `Invocation` without an event loop and without AWS: importing asyncio alone would nearly
double the time of ``plldb --help``. Only a command that is to be run pays for the rest.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import asyncclick

import plldb
from plldb.aws.environment import drop_empty
from plldb.cli.bootstrap.commands import bootstrap, doctor
from plldb.cli.debugger import commands as debugger
from plldb.cli.debugger.replay.command import replay
from plldb.cli.interrupts import INTERRUPTED, leave, leave_at_once, listen, release, stop_listening
from plldb.cli.invocation import Invocation, Settings
from plldb.cli.streams import flush_streams, repair_streams
from plldb.cli.usage import usage_hint, usage_message

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

HELP = """Debug a Python Lambda function on your machine while the cloud invokes it.

\b
Examples:
  plldb bootstrap      set up the infrastructure in your account
  plldb attach STACK   debug the functions of a stack here
Completion in bash: eval "$(_PLLDB_COMPLETE=bash_source plldb)"
  zsh: zsh_source; fish: _PLLDB_COMPLETE=fish_source plldb | source
"""

COLLECTING_FROM = 3.0
"""Seconds after which a run begins to collect garbage."""


@asyncclick.group(
    help=HELP, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@asyncclick.option(
    "--version", is_flag=True, help="Show the version; with --verbose also Python's and botocore's."
)
@asyncclick.option("--verbose", is_flag=True, help="Log to stderr.")
@asyncclick.pass_context
def cli(ctx: asyncclick.Context, /, *, version: bool, verbose: bool) -> None:
    """Show the version or the help, or hand the settings on to a command."""
    ctx.obj = Settings(verbose=verbose)
    if version:
        asyncclick.echo("\n".join(version_lines(verbose=verbose)))
        raise asyncclick.exceptions.Exit
    if ctx.invoked_subcommand is None:
        asyncclick.echo(ctx.get_help())


cli.add_command(bootstrap)
cli.add_command(doctor)
cli.add_command(debugger.attach)
cli.add_command(replay)
cli.add_command(debugger.restore)
cli.add_command(debugger.status)
cli.add_command(debugger.invoke)


def version_lines(*, verbose: bool) -> list[str]:
    """Return the version of plldb, and of what it depends on."""
    lines = [f"plldb {plldb.__version__}"]
    if verbose:
        from importlib.metadata import version

        lines += [f"Python {sys.version.split()[0]}", f"botocore {version('botocore')}"]
    return lines


def run() -> None:
    """Run the console script, with all that it needs imported."""
    code = main(sys.argv[1:])
    stop_listening()  # the output is complete
    flush_streams()
    leave(code)


def main(argv: Sequence[str], library: Any = None) -> int:
    """Do what ``argv`` asks for and return the exit code. A bug keeps its traceback.

    ``library`` stands in for the capability's own; None for that.
    """
    repair_streams()
    asked = None
    try:
        release()
        asked = parse(argv)
        return 0 if asked is None else _run(asked, library)
    except asyncclick.ClickException as error:
        return _fail(argv, "usage", usage_message(error), usage_hint(error, argv, cli), error.exit_code)
    except (KeyboardInterrupt, asyncclick.Abort):
        # Before the event loop listens to signals, or where it cannot. asyncclick makes an Abort of it.
        hint = "nothing was started." if asked is None else asked.interrupted
        return _fail(argv, "interrupted", "interrupted", hint, INTERRUPTED)
    except OSError as error:
        if asked is not None:
            raise  # a bug: a run itself tells what it cannot write
        _say(f"error: cannot write the output ({error.strerror})")
        return 1


def parse(argv: Sequence[str]) -> Invocation | None:
    """Return what a command line asks for; None if it is done already (help, version)."""
    done = drive(cli.main(list(argv), prog_name="plldb", standalone_mode=False))
    return done if isinstance(done, Invocation) else None


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits, without an event loop: asyncclick parses async in form only."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    finally:
        coroutine.close()
    raise RuntimeError("parsing the command line has waited for something")


def _run(asked: Invocation, library: Any) -> int:
    import asyncio

    with asyncio.Runner() as runner:
        code = runner.run(_perform(asked, library))
        if code == INTERRUPTED:
            leave()  # the runner, too, joins threads at its end
        return code


async def _perform(asked: Invocation, library: Any) -> int:
    import asyncio

    stop = listen()
    drop_empty(os.environ)
    from plldb.cli.output.background import open_terminal
    from plldb.cli.run import perform

    with _no_system_certificates():
        command = asked.load(asked, library)
    # Until then it is off, see `plldb.__main__`: nor is it worth while in a run that is over soon.
    collecting = asyncio.get_running_loop().call_later(COLLECTING_FROM, _collect_garbage)
    try:
        terminal = open_terminal(sys.stdin, sys.stdout, sys.stderr, os.environ)
        code = await perform(command, asked.settings, terminal, stop)
        leave_at_once()
        return code
    finally:
        collecting.cancel()
        _collect_garbage()


def _collect_garbage() -> None:
    """Begin to collect garbage; all that is there stays, for most of it does."""
    gc.freeze()
    gc.enable()


@contextmanager
def _no_system_certificates() -> Iterator[None]:
    """Keep aiohttp from reading the certificates of the system, twice, when it is imported.

    It takes a tenth of a short run, for nothing: botocore has its own, and a setting of AWS's names others.
    """
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    found = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, os.devnull))
    try:
        yield
    finally:
        for name, value in found.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _fail(argv: Sequence[str], code: str, message: str, hint: str, exit_code: int) -> int:
    """Two lines, left to the terminal to break: what is wrong, and the way out; a program gets JSON too."""
    _say(f"error: {message}")
    _say(f"hint: {hint}")
    if "--output=json" in argv or ("--output", "json") in pairwise(argv):
        from plldb.cli.output.jsonlines import failed_line
        from plldb.cli.output.renderer import Problem

        problem = Problem(operation=None, code=code, message=message, hint=hint, exit_code=exit_code)
        with suppress(OSError):
            asyncclick.echo(failed_line(problem))
    return exit_code


def _say(text: str) -> None:
    with suppress(OSError):  # nobody reads it
        asyncclick.echo(text, err=True)
