from __future__ import annotations

import os
from pathlib import Path

import pytest

from plldb.aws.place import Place
from plldb.debugger.workers.environment import machine_of, start_environment, worker_environment
from plldb.debugger.workers.settings import FunctionSettings

MACHINE = {
    "PATH": "/bin",
    "HTTPS_PROXY": "http://mine",
    "AWS_CA_BUNDLE": "/mine.pem",
    "AWS_PROFILE": "mine",
    "AWS_ACCESS_KEY_ID": "AKIAMINE",
    "PYTHONPATH": "/mine",
    "TOKEN": "mine",
}
MESSAGE = (("AWS_ACCESS_KEY_ID", "ASIAROLE"), ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"))


def environment(**changes: object) -> dict[str, str]:
    variables = {
        "HTTPS_PROXY": "http://theirs",
        "AWS_CA_BUNDLE": "/var/task/ca.pem",
        "TZ": "Europe/Zurich",
        "AWS_LAMBDA_FUNCTION_NAME": "forged",
        "TABLE": "orders",
    }
    function = FunctionSettings(
        name="orders",
        arn="arn:aws:lambda:eu-west-1:1:function:orders",
        handler="app.handler",
        runtime="python3.13",
        variables=variables,
        log_format="JSON",
    )
    given = {
        "code": Path("/code"),
        "api": "127.0.0.1:1",
        "message": MESSAGE,
        "machine": MACHINE,
        "variables": {},
    }
    return worker_environment(function, **given | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/bin"),
        ("HTTPS_PROXY", "http://mine"),
        ("AWS_CA_BUNDLE", "/mine.pem"),
        ("TABLE", "orders"),
        ("TZ", "Europe/Zurich"),
        ("LANG", "en_US.UTF-8"),
        ("PYTHONPATH", "/var/runtime"),
        ("AWS_LAMBDA_FUNCTION_NAME", "orders"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13"),
        ("AWS_REGION", "eu-west-1"),
        ("LAMBDA_TASK_ROOT", str(Path("/code"))),
        ("_HANDLER", "app.handler"),
        ("AWS_ACCESS_KEY_ID", "ASIAROLE"),
        ("AWS_CONFIG_FILE", os.devnull),
        ("AWS_SHARED_CREDENTIALS_FILE", os.devnull),
        ("AWS_PROFILE", None),
        ("TOKEN", None),
    ],
)
def test_a_function_finds_what_lambda_gives_and_of_this_machine_only_what_it_needs(
    name: str, value: str | None
) -> None:
    assert environment().get(name) == value


@pytest.mark.parametrize(
    ("machine", "direct"),
    [
        ({}, None),
        ({"no_proxy": "a.example"}, None),
        ({"HTTPS_PROXY": "http://mine"}, "localhost,127.0.0.1,::1"),
        ({"http_proxy": "http://mine", "NO_PROXY": "a.example"}, "a.example,localhost,127.0.0.1,::1"),
        ({"all_proxy": "http://mine", "no_proxy": "*"}, "*"),
    ],
)
def test_what_is_on_localhost_is_not_asked_of_a_proxy(machine: dict[str, str], direct: str | None) -> None:
    found = environment(machine=machine)
    assert found.get("NO_PROXY") == direct
    assert found.get("no_proxy") == (direct or machine.get("no_proxy"))


def test_the_caller_wins_and_may_lend_the_own_credentials() -> None:
    assert environment(variables={"TABLE": "mine"})["TABLE"] == "mine"
    own = environment(own_credentials=True)
    assert (own["AWS_ACCESS_KEY_ID"], own["AWS_PROFILE"]) == ("AKIAMINE", "mine")
    assert own["AWS_LAMBDA_LOG_STREAM_NAME"] == "stream"
    assert "AWS_CONFIG_FILE" not in own


@pytest.mark.parametrize("own_credentials", [True, False])
def test_a_place_reaches_the_function_as_variables_would(own_credentials: bool) -> None:
    place = Place(profile="named", endpoint_url="http://emulator")
    found = environment(machine=machine_of(place, MACHINE), own_credentials=own_credentials)
    assert found.get("AWS_PROFILE") == ("named" if own_credentials else None)
    assert found.get("AWS_ACCESS_KEY_ID") == (None if own_credentials else "ASIAROLE")
    assert found["AWS_ENDPOINT_URL"] == "http://emulator"
    assert machine_of(Place(), MACHINE) == MACHINE


def test_the_endpoint_that_a_function_sets_itself_counts() -> None:
    machine = MACHINE | {"AWS_ENDPOINT_URL": "http://mine"}
    assert environment(machine=machine)["AWS_ENDPOINT_URL"] == "http://mine"
    function = FunctionSettings(
        name="f", arn="", handler="", runtime="", variables={"AWS_ENDPOINT_URL": "http://theirs"}
    )
    found = worker_environment(
        function, code=Path(), api="", message=(), machine=machine, variables={}, own_credentials=False
    )
    assert found["AWS_ENDPOINT_URL"] == "http://theirs"


def test_a_process_is_started_with_nothing_secret() -> None:
    assert start_environment(MACHINE) == {"PATH": "/bin", "LANG": "en_US.UTF-8"}
