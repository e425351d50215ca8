"""The command line itself: help, versions, usage errors, what is imported. Talks to processes."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

import plldb
from plldb.cli.bootstrap.commands import bootstrap
from plldb.cli.main import drive, main, parse

HEAVY = ("botocore", "aiobotocore", "aiohttp", "rich", "asyncio", "importlib.metadata", "plldb.bootstrap")
SLOW = ("dataclasses", "shlex", "plldb.cli.output.renderer", "plldb.cli.command")


def run_python(program: str, *argv: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in an interpreter of its own."""
    command = [sys.executable, "-c", program, *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=120)


def imported_by(
    *argv: str, env: dict[str, str] | None = None, heavy: tuple[str, ...] = HEAVY
) -> tuple[set[str], str]:
    """Which of the heavy modules a command line imports, and what it writes to stdout."""
    program = (
        "import sys\n"
        f"heavy = {heavy!r}\n"
        "from plldb.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print('IMPORTED', *[m for m in heavy if m in sys.modules], file=sys.stderr)\n"
    )
    # What coverage imports is not the program's.
    measured = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    done = run_python(program, *argv, env=measured if env is None else env)
    return set(done.stderr.rpartition("IMPORTED")[2].split()), done.stdout


@pytest.mark.parametrize(
    "argv",
    [
        ("--help",),
        ("--version",),
        (),
        ("bootstrap", "--help"),
        ("bootstrap", "destroy", "--help"),
        ("bootstap",),
        ("bootstrap", "setup", "--rgion", "x"),
        ("bootstrap", "--output", "json", "--tag", "x"),
    ],
)
def test_help_version_and_usage_errors_import_nothing_heavy(argv: Sequence[str]) -> None:
    assert imported_by(*argv)[0] == set()


@pytest.mark.parametrize("argv", [("--help",), ("attach", "--help"), ("bootstap",)])
def test_help_and_usage_errors_import_nothing_that_takes_milliseconds(argv: Sequence[str]) -> None:
    assert imported_by(*argv, heavy=SLOW)[0] == set()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plldb bootstrap de", "plain,destroy"),
        ("plldb replay d", "file,d"),
        ("plldb attach --record d", "dir,d"),
        ("plldb attach --code d", "dir,d"),
    ],
)
def test_completion_imports_nothing_heavy(words: str, said: str) -> None:
    at = str(len(words.split()) - 1)
    env = {"_PLLDB_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": at}
    assert imported_by(env=env) == (set(), f"{said}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_completion(shell: str) -> None:
    heavy, script = imported_by(env={"_PLLDB_COMPLETE": f"{shell}_source"})
    assert heavy == set()
    assert f"{shell}_complete" in script


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_piped_run_imports_no_rich_and_leaves_the_process_as_it_was(output: str) -> None:
    program = (
        "import gc, os, sys\n"
        "from tests.unit.cli import scripts\n"
        "from plldb.cli.main import main\n"
        f"main(['bootstrap', '--output', {output!r}], scripts.ScriptedLibrary(scripts.successful_setup()))\n"
        "print([m for m in sys.modules if m.partition('.')[0] == 'rich'], file=sys.stderr)\n"
        "print(gc.isenabled(), os.environ['SSL_CERT_FILE'], 'SSL_CERT_DIR' in os.environ, file=sys.stderr)\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "SSL_CERT_DIR"}
    done = run_python(program, env=env | {"SSL_CERT_FILE": "/ours"})
    assert done.stderr == "[]\nTrue /ours False\n"


def test_help_fits_one_screen_and_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 23  # of a terminal's 24
    assert max(map(len, lines)) <= 80


def test_help_lists_every_command_beginning_with_setup(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bootstrap", "--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2]
    names = [line.split()[0] for line in listed.splitlines()]
    assert names[0] == "setup"
    assert sorted(names) == sorted(bootstrap.commands)


@pytest.mark.parametrize(
    "command",
    [
        "bootstrap",
        "doctor",
        "attach",
        "restore",
        "status",
        "invoke",
        *(f"bootstrap {name}" for name in bootstrap.commands),
    ],
)
def test_help_of_each_command_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert text.count(f"  plldb {command}") == 2
    assert "AWS_ENDPOINT_URL" in text
    assert "130 interrupted" in text
    assert max(map(len, text.splitlines())) <= 80


def test_version_names_more_when_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"plldb {plldb.__version__}\n"
    assert main(["--version", "--verbose"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "plldb",
        "Python",
        "botocore",
    ]


@pytest.mark.parametrize(
    "argv", [[], ["-h"], ["bootstrap", "-h"], ["bootstrap", "watch", "-h"], ["doctor", "-h"]]
)
def test_help_may_be_asked_for_in_short(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    short = capsys.readouterr().out
    assert main([*argv[:-1], "--help"]) == 0
    assert capsys.readouterr().out == short


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["bootstap"], "did you mean 'plldb bootstrap'?"),
        (["destroy"], "did you mean 'plldb bootstrap destroy'?"),
        (["destory"], "did you mean 'plldb bootstrap destroy'?"),
        (["setpu"], "did you mean 'plldb bootstrap setup'?"),
        (["version"], "did you mean 'plldb --version'?"),
        (["bootstrap", "wach"], "did you mean 'plldb bootstrap watch'?"),
        (["bootstrap", "doctor"], "did you mean 'plldb doctor'?"),
        (["bootstrap", "xyz"], "see 'plldb bootstrap --help'"),
        (["bootstrap", "--regoin", "x"], "Did you mean '--region'?"),
        (["--region", "x", "bootstrap"], "put it after the command; see 'plldb bootstrap --help'"),
        (["--region", "x", "doctor"], "put it after the command; see 'plldb doctor --help'"),
        (["doctor", "--region", "a,b"], "repeat --region for each region: --region a --region b"),
        (["bootstrap", "--tag", "a=1", "--tag", "a=2"], "the tag 'a' is given twice"),
        (["bootstrap", "--region"], "see 'plldb bootstrap --help'"),
        (["bootstrap", "--profile", "p", "setup", "--region"], "see 'plldb bootstrap setup --help'"),
        (["doctor", "--profile"], "see 'plldb doctor --help'"),
        (["bootstrap", "destroy", "--region", ""], "'--region': it is empty"),
        (["bootstrap", "destroy", "--profile", ""], "'--profile': it is empty"),
        (["bootstrap", "--tag", "nonsense"], "'nonsense' is not of the form KEY=VALUE"),
        (["bootstrap", "setup", "--tag", "=x"], "'=x' is not of the form KEY=VALUE"),
        (["bootstrap", "--dry-run", "destroy"], "goes after the command that it is for"),
        (["bootstrap", "--permissions-boundary", "", "destroy"], "goes after the command that it is for"),
        (["bootstrap", "--output", "xml"], "'xml' is not one of"),
    ],
)
def test_a_usage_error_is_exit_code_2_and_shows_the_way(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert [line.partition(":")[0] for line in captured.err.splitlines()] == ["error", "hint"]


@pytest.mark.parametrize("form", [["--output", "json"], ["--output=json"]])
def test_a_usage_error_ends_a_json_stream_too(form: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bootstrap", "setup", "--tag", "x", *form]) == 2
    line = json.loads(capsys.readouterr().out)
    assert (line["kind"], line["code"], line["exit_code"]) == ("failed", "usage", 2)


def test_options_may_be_given_before_and_after_the_command() -> None:
    place = ["--region", "a", "--profile", "p", "--output", "json"]
    before = parse(["--verbose", "bootstrap", *place, "watch"])
    after = parse(["bootstrap", "--region", "x", "watch", *place, "--verbose"])
    assert before is not None
    assert after is not None
    assert before.settings == after.settings
    assert before.settings.regions == ("a",)


def test_parsing_that_waits_is_a_bug() -> None:
    class Waits:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield

    async def wait() -> None:
        await Waits()

    with pytest.raises(RuntimeError, match="has waited"):
        drive(wait())


PIPED = """
from tests.unit.cli import scripts
from plldb.cli import main
begun, *events = scripts.successful_setup()
library = scripts.ScriptedLibrary([begun, *events[:1] * {count}, *events[1:]], delay={delay})
perform = main.main
main.main = lambda argv: perform(argv, library)
main.run()
"""


def piped(*argv: str, count: int = 1, delay: float = 0) -> subprocess.Popen[str]:
    """The whole program, up to its end, with so many events; its output goes into pipes."""
    command = [sys.executable, "-c", PIPED.format(count=count, delay=delay), *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_closed_pipe_leaves_no_traceback() -> None:
    with piped("bootstrap", count=500, delay=0.02) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()
        assert process.wait(30) == 1
    assert "Traceback" not in complaint
    assert "BrokenPipe" not in complaint


def test_the_end_loses_nothing_of_what_the_reader_has_not_read_yet() -> None:
    # Much more than a pipe holds, 64 KiB: the program waits for its reader, and ends with its last line.
    with piped("bootstrap", "--output", "json", count=5000) as process:
        output, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, "")
    lines = [json.loads(line) for line in output.splitlines()]
    assert len(output) > 900_000
    assert len(lines) > 5000
    assert lines[-1]["kind"] == "finished"


def test_an_encoding_that_lacks_a_letter_does_not_end_the_run() -> None:
    program = (
        "from tests.unit.cli import scripts\n"
        "from plldb.cli.main import main\n"
        "event = scripts.stack_event(reason='\\u65e5\\u672c')\n"
        "raise SystemExit(main(['bootstrap'], scripts.ScriptedLibrary([event])))\n"
    )
    done = run_python(program, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("??")
