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
from typing import TYPE_CHECKING, Any, NoReturn

import asyncclick

import plldb
from plldb.cli.bootstrap.commands import bootstrap, doctor
from plldb.cli.early import INTERRUPTED, hear_signals
from plldb.cli.jobs import Job, Settings
from plldb.cli.streams import flush_streams, mend_streams
from plldb.cli.usage import usage_hint, usage_message

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
  zsh:  eval "$(_PLLDB_COMPLETE=zsh_source plldb)"    # after compinit
  fish: _PLLDB_COMPLETE=fish_source plldb | source
"""


@asyncclick.group(
    help=HELP, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
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
    """The console script, with all that it needs imported."""
    code = main(sys.argv[1:])
    # All is said; a signal from here on ends the process, without a traceback.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    flush_streams()
    if code == INTERRUPTED:
        _leave()
    # Else the interpreter would, at its end, search all that botocore has made for garbage once more.
    gc.freeze()
    sys.exit(code)


def _leave() -> NoReturn:
    """Ends the process here and now.

    The interpreter would first join its threads, and one that asks a name server for an address cannot be
    stopped: whoever pressed Ctrl-C would wait for its timeout. Everything has been closed as well as
    `until_stopped` had the patience for, and is flushed.
    """
    gc.disable()  # it would tell of the tasks that are still pending
    flush_streams()
    os._exit(INTERRUPTED)


def main(argv: Sequence[str], library: Library | None = None) -> int:
    """Does what ``argv`` asks for and returns the exit code. A bug keeps its traceback."""
    mend_streams()
    job = None
    try:
        hear_signals()
        job = parse(argv)
        return 0 if job is None else _run_job(job, library)
    except asyncclick.ClickException as error:
        return _fail(argv, "usage", usage_message(error), usage_hint(error, argv), error.exit_code)
    except (KeyboardInterrupt, asyncclick.Abort):
        # Before the event loop listens to signals, or where it cannot. asyncclick makes an Abort of it.
        hint = "if CloudFormation has begun something, it goes on; 'plldb bootstrap watch' follows it."
        return _fail(argv, "interrupted", "interrupted", hint if job else "nothing was begun.", INTERRUPTED)
    except OSError as error:
        if job is not None:
            raise  # a bug: of what it cannot write, a run speaks itself
        _say(f"error: no output possible ({error.strerror})")
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

    with asyncio.Runner() as runner:
        code = runner.run(_perform(job, library))
        if code == INTERRUPTED:
            _leave()  # the runner, too, joins threads at its end
        return code


async def _perform(job: Job, library: Library | None) -> int:
    from plldb.cli.signals import listen, react

    stop = listen()
    # Nothing that is imported is garbage; searching it again and again takes a tenth of the whole run.
    gc.disable()
    from plldb.cli.output.renderer import Terminal
    from plldb.cli.run import perform

    library = library or _import_library()
    gc.freeze()
    gc.enable()
    terminal = Terminal(stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr, environ=os.environ)
    code = await perform(job, library, terminal, stop)
    react(_leave)  # all is said; what is left to wait for, Ctrl-C ends
    return code


def _import_library() -> Library:
    from plldb import bootstrap as library

    return library


def _fail(argv: Sequence[str], code: str, message: str, hint: str, exit_code: int) -> int:
    """Two lines: what is wrong, and the way out; a program gets its line of JSON too."""
    _say(f"error: {message}")
    _say(f"hint: {hint}")
    if "--output=json" in argv or ("--output", "json") in pairwise(argv):
        from plldb.cli.output.jsonvalues import failed_line
        from plldb.cli.problems import Problem

        problem = Problem(operation=None, code=code, message=message, hint=hint, exit_code=exit_code)
        with suppress(OSError):
            asyncclick.echo(failed_line(problem))
    return exit_code


def _say(text: str) -> None:
    with suppress(OSError):  # nobody hears it
        asyncclick.echo(text, err=True)
