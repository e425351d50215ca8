"""The command ``plldb`` and its one error boundary. Talks to the console.

Parsing gives a `Job` without an event loop and without AWS: importing asyncio alone would nearly double
the time of ``plldb --help``. Only a job that is to be run pays for the rest.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import asyncclick

import plldb
from plldb.cli.bootstrap import bootstrap, doctor
from plldb.cli.jobs import Job, Settings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from plldb.cli.jobs import Library

HELP = """plldb, the Python Lambda Local DeBugger: debug a Python Lambda function on your own machine while it
is invoked in the cloud.

\b
Examples:
  plldb bootstrap                 set up the infrastructure in your account
  plldb bootstrap status          see what is there
  plldb bootstrap setup --help    more on one command

\b
Completion, for the start-up file of your shell:
  bash: eval "$(_PLLDB_COMPLETE=bash_source plldb)"
  zsh:  eval "$(_PLLDB_COMPLETE=zsh_source plldb)"
  fish: _PLLDB_COMPLETE=fish_source plldb | source
"""


@asyncclick.group(help=HELP, invoke_without_command=True)
@asyncclick.option(
    "--version", is_flag=True, help="Show the version; with --verbose also Python's and botocore's."
)
@asyncclick.option("--verbose", is_flag=True, help="Logs on stderr.")
@asyncclick.pass_context
def cli(ctx: asyncclick.Context, /, *, version: bool, verbose: bool) -> None:
    """The group."""
    ctx.obj = Settings(verbose=verbose)
    if version:
        asyncclick.echo("\n".join(version_lines(verbose=verbose)))
        raise asyncclick.exceptions.Exit
    if ctx.invoked_subcommand is None:
        asyncclick.echo(ctx.get_help())


cli.add_command(bootstrap)
cli.add_command(doctor)


def version_lines(*, verbose: bool) -> list[str]:
    """The version of plldb, and of what it stands on."""
    lines = [f"plldb {plldb.__version__}"]
    if verbose:
        from importlib.metadata import version

        lines += [f"Python {sys.version.split()[0]}", f"botocore {version('botocore')}"]
    return lines


def run() -> None:
    """The console script."""
    # Until the event loop listens, SIGTERM shall be as polite as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = main(sys.argv[1:])
    _flush()
    # Else the interpreter would, at its end, search all that botocore has made for garbage once more.
    gc.freeze()
    sys.exit(code)


def main(argv: Sequence[str], library: Library | None = None) -> int:
    """Does what ``argv`` asks for and returns the exit code. A bug keeps its traceback."""
    _never_fail_to_encode()
    job = None
    try:
        job = parse(argv)
        return 0 if job is None else _run_job(job, library)
    except asyncclick.ClickException as error:
        return _fail(argv, "usage", error.format_message(), _usage_hint(error), error.exit_code)
    except (KeyboardInterrupt, asyncclick.Abort):
        # Before the event loop listens to signals, or where it cannot. asyncclick makes an Abort of it.
        hint = "what CloudFormation has begun goes on; 'plldb bootstrap watch' follows it."
        return _fail(argv, "interrupted", "interrupted", hint if job else "nothing was begun.", 130)
    except BrokenPipeError:
        return 1


def parse(argv: Sequence[str]) -> Job | None:
    """Turns a command line into a job; None if all is done already (help, version)."""
    done = drive(cli.main(list(argv), prog_name="plldb", standalone_mode=False))
    return done if isinstance(done, Job) else None


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine that never waits, without an event loop: asyncclick parses async in form only."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    finally:
        coroutine.close()
    raise RuntimeError("parsing the command line has waited for something")


def _run_job(job: Job, library: Library | None) -> int:
    import asyncio

    return asyncio.run(_perform(job, library))


async def _perform(job: Job, library: Library | None) -> int:
    from plldb.cli.signals import listen

    stop = listen()
    # Nothing that is imported is garbage; searching it again and again takes a tenth of the whole run.
    gc.disable()
    from plldb.cli.faces import Terminal
    from plldb.cli.session import perform

    library = library or _import_library()
    gc.freeze()
    gc.enable()
    terminal = Terminal(stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr, environ=os.environ)
    return await perform(job, library, terminal, stop)


def _import_library() -> Library:
    from plldb import bootstrap as library

    return library


def _fail(argv: Sequence[str], code: str, message: str, hint: str, exit_code: int) -> int:
    """Two lines: what is wrong, and the way out; a program gets its line of JSON too."""
    _say(f"error: {message}")
    _say(f"hint: {hint}")
    if "--output=json" in argv or ("--output", "json") in pairwise(argv):
        from plldb.cli.jsonvalues import failed_line
        from plldb.cli.problems import Problem

        problem = Problem(operation=None, code=code, message=message, hint=hint, exit_code=exit_code)
        asyncclick.echo(failed_line(problem))
    return exit_code


def _usage_hint(error: asyncclick.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    if isinstance(error, asyncclick.NoSuchCommand) and error.command_name in bootstrap.commands:
        return f"did you mean 'plldb bootstrap {error.command_name}'?"
    return f"see '{ctx.command_path if ctx else 'plldb'} --help'."


def _say(text: str) -> None:
    asyncclick.echo(text, err=True)


def _never_fail_to_encode() -> None:
    """A name that the encoding of the terminal cannot express must not end a deployment."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _flush() -> None:
    """Python flushes stdout when it ends and would complain about a closed pipe."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
