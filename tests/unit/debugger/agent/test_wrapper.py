"""Unless everything is right, the runtime's own command runs as if plldb were not there."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.debugger.agent.sandbox import RuntimeApi

if TYPE_CHECKING:
    from tests.unit.debugger.agent.sandbox import Sandbox

FUNCTION = str(Path(__file__).with_name("function.py"))
COMMAND = [sys.executable, FUNCTION]


def environment_of(sandbox: Sandbox) -> dict[str, str]:
    found: dict[str, str] = sandbox.lambda_.invoke("one", b'{"do": "environment"}').json
    return found


def runs_as_deployed(sandbox: Sandbox, *, asked: bool = False) -> dict[str, str]:
    """Its environment: it talks to Lambda itself, nothing of plldb is in it, nor was the API ``asked``."""
    found = environment_of(sandbox)
    assert found["AWS_LAMBDA_RUNTIME_API"] == sandbox.lambda_.address
    assert not [name for name in found if name.startswith("PLLDB")]
    assert asked or sandbox.gateway.heads == []
    return found


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
        ("PLLDB", ""),
        ("PLLDB", "2|9999999999|ws://x|t|3|"),
        ("PLLDB", "1|9|9"),
    ],
)
def test_a_version_or_settings_that_are_not_ours(sandbox: Sandbox, variable: str, value: str) -> None:
    sandbox.start(COMMAND, (), **{variable: value})
    assert "AWS_LAMBDA_EXEC_WRAPPER" not in runs_as_deployed(sandbox)


@pytest.mark.parametrize("lease", [-1, 0])
def test_a_lease_that_has_ended(sandbox: Sandbox, lease: float) -> None:
    sandbox.start(COMMAND, PLLDB=sandbox.settings(lease=lease))
    runs_as_deployed(sandbox)


def test_a_lease_that_is_no_time(sandbox: Sandbox) -> None:
    sandbox.start(COMMAND, PLLDB="1|a[$(touch /tmp/x)]|ws://x|t|3|")
    runs_as_deployed(sandbox)


def test_a_command_that_is_no_python(sandbox: Sandbox, tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    sandbox.start([str(script), FUNCTION])
    runs_as_deployed(sandbox)


@pytest.mark.parametrize(("was", "said"), [("busy\n", 1), ("", 1), ("?", 1), ("said\n", 0)])
def test_an_agent_that_has_ended_unexpectedly_before(sandbox: Sandbox, was: str, said: int) -> None:
    sandbox.state.write_text(was)
    sandbox.start(COMMAND)
    runs_as_deployed(sandbox)
    assert sandbox.log.count("plldb: the agent has ended unexpectedly in this sandbox") == said
    assert sandbox.log.count("plldb: ") == said


def test_a_state_that_cannot_be_written(sandbox: Sandbox) -> None:
    sandbox.state.mkdir()
    (sandbox.layer / "plldb" / "wrapper").write_text(
        (sandbox.layer / "plldb" / "wrapper").read_text().replace("[[ -e $state ]]", "false")
    )
    sandbox.start(COMMAND)
    runs_as_deployed(sandbox)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("start.py", None),
        ("agent.py", None),
        ("agent.py", "raise ImportError('a secret')"),
        ("agent.py", "this is no Python"),
        ("core.py", "raise SystemExit(3)"),
        ("start.py", "raise SystemExit(3)"),
    ],
)
def test_an_agent_that_cannot_start(sandbox: Sandbox, file: str, damage: str | None) -> None:
    path = sandbox.layer / "plldb" / "python" / "plldb" / "debugger" / "agent" / file
    if damage is None:
        path.unlink()
    else:
        path.write_text(damage)
    sandbox.start(COMMAND)
    if file == "start.py" and damage:
        assert sandbox.end() == 3  # Lambda starts the sandbox again, then without the agent
        sandbox.start(COMMAND)
    runs_as_deployed(sandbox, asked=file != "start.py")
    assert sandbox.log.count("plldb: ") == 1
    assert "secret" not in sandbox.log


def test_a_python_that_is_not_there_fails_as_before(sandbox: Sandbox) -> None:
    sandbox.start(["/nowhere/python3", FUNCTION])
    assert sandbox.end() == 127


@pytest.fixture
def wrapper(tmp_path: Path) -> str:
    """A vendor's wrapper: it looks at its arguments, and puts one more before the last."""
    path = tmp_path / "vendor"
    path.write_text(
        "#!/bin/bash\n"
        'echo "vendor: $# ${*: -1}, wrapper $AWS_LAMBDA_EXEC_WRAPPER"\n'
        "export FROM_VENDOR=1 PYTHONPATH=/vendor\n"
        'args=("$@")\n'
        'exec "${args[@]:0:$#-1}" -X dev "${args[@]: -1}"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("attached", [False, True])
def test_a_wrapper_of_the_user_runs_first_and_once(sandbox: Sandbox, wrapper: str, attached: bool) -> None:
    sandbox.gateway.peer = "laptop=" if attached else None
    sandbox.start(COMMAND, PLLDB=sandbox.settings(wrapper=wrapper))
    answer = sandbox.lambda_.invoke("one", b'{"do": "environment"}').body
    if attached:
        assert answer == b'laptop:{"do": "environment"}'
    else:
        found = json.loads(answer)
        assert found["AWS_LAMBDA_RUNTIME_API"] != sandbox.lambda_.address
        assert (found["FROM_VENDOR"], found["PYTHONPATH"]) == ("1", "/vendor")
        assert not [name for name in found if name.startswith("PLLDB")]
    assert sandbox.log.splitlines()[0] == f"vendor: 2 {FUNCTION}, wrapper {wrapper}"
    assert sandbox.log.count("vendor: ") == 1


def test_a_wrapper_of_the_user_that_treats_the_first_argument_as_the_python(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "vendor"
    path.write_text('#!/bin/bash\nexec "$1" -X dev "${@:2}"\n')
    path.chmod(0o755)
    sandbox.gateway.peer = None
    sandbox.start(COMMAND, PLLDB=sandbox.settings(wrapper=str(path)))
    assert environment_of(sandbox)["AWS_LAMBDA_RUNTIME_API"] != sandbox.lambda_.address


def test_a_vendor_that_stands_between_the_runtime_and_lambda(sandbox: Sandbox, tmp_path: Path) -> None:
    path, vendors = tmp_path / "vendor", RuntimeApi()
    path.write_text(f'#!/bin/bash\nexport AWS_LAMBDA_RUNTIME_API={vendors.address}\nexec "$@"\n')
    path.chmod(0o755)
    sandbox.gateway.peer = None
    sandbox.start(COMMAND, PLLDB=sandbox.settings(wrapper=str(path)))
    with closing(vendors):
        assert vendors.invoke("one", b'{"do": "raise"}').path.endswith("/one/error")
    assert sandbox.lambda_.nexts == 0


def test_with_the_lease_over_a_wrapper_of_the_user_gets_the_original_command(
    sandbox: Sandbox, wrapper: str
) -> None:
    sandbox.start(COMMAND, PLLDB=sandbox.settings(wrapper=wrapper, lease=-1))
    assert runs_as_deployed(sandbox)["AWS_LAMBDA_EXEC_WRAPPER"] == wrapper


def test_no_token_is_in_a_process_list_or_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.gateway.peer = None
    sandbox.start(COMMAND)
    environment_of(sandbox)
    token = sandbox.settings().split("|")[3].encode()
    lists = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    written = [path.read_bytes() for path in (sandbox.state, tmp_path / "log")]
    assert not [text for text in [*lists, *written] if token in text]
