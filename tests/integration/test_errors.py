"""What cannot work is said in one message with the way out, never as a traceback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.support.servers import reserved_port

if TYPE_CHECKING:
    from tests.conftest import OpenClient, RunPlldb

NO_REGION: dict[str, str | None] = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
NO_KEYS: dict[str, str | None] = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
    "AWS_SESSION_TOKEN": None,
}
COMMANDS = (("setup",), ("destroy", "--yes"), ("watch",), ("status",))


EVERY_COMMAND = [
    *(("bootstrap", *words) for words in COMMANDS),
    *(("doctor",), ("status",), ("restore", "--all", "--yes"), ("attach", "a-stack", "--yes")),
    ("invoke", "a-function"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """Settings that cannot work, and what the program is to say of them."""

    env: dict[str, str | None] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    code: int
    slug: str
    said: str
    way_out: str


MISTAKES = {
    "no_credentials": Mistake(
        env=NO_KEYS, code=1, slug="credentials", said="credentials", way_out="AWS_ACCESS_KEY_ID"
    ),
    "unknown_profile": Mistake(
        arguments=("--profile", "nobody"), code=2, slug="settings", said="'nobody'", way_out="list-profiles"
    ),
    "no_region": Mistake(env=NO_REGION, code=2, slug="settings", said="region", way_out="--region"),
    "malformed_region": Mistake(
        arguments=("--region", "eu_west!"), code=2, slug="settings", said="eu_west!", way_out="eu-west-1"
    ),
    "malformed_endpoint": Mistake(
        env={"AWS_ENDPOINT_URL": "nowhere"},
        code=2,
        slug="settings",
        said="nowhere",
        way_out="AWS_ENDPOINT_URL",
    ),
}


@pytest.mark.parametrize(
    ("command", "mistake"),
    [
        *((command, mistake) for command in EVERY_COMMAND for mistake in ("no_credentials", "no_region")),
        *((EVERY_COMMAND[0], name) for name in MISTAKES if not name.startswith("no_")),
    ],
    ids=str,
)
async def test_a_mistake_in_the_settings_is_one_error_with_one_exit_code_and_the_way_out_in_every_command(
    plldb_cli: RunPlldb, mistake: str, command: tuple[str, ...]
) -> None:
    expected = MISTAKES[mistake]
    # One command as a process, for all that each process does alike, its exit code above all.
    process = command == EVERY_COMMAND[0]
    done = await plldb_cli(*command, *expected.arguments, env=expected.env, process=process)
    assert done.code == expected.code, done
    if command == ("doctor",) and expected.code == 1:  # where settings are right, what is wrong is a finding
        assert expected.said in done.stdout
        assert expected.way_out in done.stdout
        return
    error, hint = done.stderr.splitlines()[:2]
    assert error.startswith("error: ")
    assert expected.said in error
    assert hint.startswith("hint: ")
    assert expected.way_out in hint


async def test_an_error_in_json_is_one_line_with_a_stable_code(plldb_cli: RunPlldb) -> None:
    import json

    mistake = MISTAKES["unknown_profile"]
    done = await plldb_cli("bootstrap", "setup", "--output", "json", *mistake.arguments)
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (line["kind"], line["code"], line["exit_code"]) == ("failed", mistake.slug, mistake.code)
    assert done.code == mistake.code


async def test_an_endpoint_where_nobody_listens_is_named(plldb_cli: RunPlldb) -> None:
    with reserved_port() as port:
        endpoint = f"http://127.0.0.1:{port}"
        done = await plldb_cli("bootstrap", "setup", env={"AWS_ENDPOINT_URL": endpoint})
    assert done.code == 1, done
    assert endpoint in done.stderr
    assert "hint: Check the network" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_profile_gives_credentials_and_region(
    plldb_cli: RunPlldb, aws_env: dict[str, str], account: str
) -> None:
    from pathlib import Path

    lines = [
        "[profile work]",
        "region = eu-north-1",
        f"aws_access_key_id = {aws_env['AWS_ACCESS_KEY_ID']}",
        f"aws_secret_access_key = {aws_env['AWS_SECRET_ACCESS_KEY']}",
        f"aws_session_token = {aws_env['AWS_SESSION_TOKEN']}",
    ]
    Path(aws_env["AWS_CONFIG_FILE"]).write_text("\n".join(lines))
    done = await plldb_cli("bootstrap", "status", "--profile", "work", env={**NO_REGION, **NO_KEYS})
    assert f"{account}, region eu-north-1" in done.stdout, done
    # What it proposes acts there from any shell, also where a variable has named the profile.
    done = await plldb_cli("bootstrap", "status", env={**NO_REGION, **NO_KEYS, "AWS_PROFILE": "work"})
    assert "`plldb bootstrap setup --region eu-north-1 --profile work` deploys it" in done.stdout
    assert "signed in  with keys in AWS's config file, profile work" in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_a_stack_of_that_name_which_plldb_did_not_create_is_never_touched(
    plldb_cli: RunPlldb, open_client: OpenClient, command: tuple[str, ...]
) -> None:
    cloudformation, s3 = await open_client("cloudformation"), await open_client("s3")
    body = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
    await cloudformation.create_stack(StackName="plldb", TemplateBody=body)
    before = (await cloudformation.describe_stack_events(StackName="plldb"))["StackEvents"]

    done = await plldb_cli("bootstrap", *command)
    assert done.code == (1 if command[0] == "status" else 3), done
    assert "did not create" in done.stderr or "another tool made the stack" in done.stdout
    assert "Traceback" not in done.stderr
    assert (await cloudformation.describe_stack_events(StackName="plldb"))["StackEvents"] == before
    assert (await s3.list_buckets())["Buckets"] == []


@pytest.mark.parametrize(
    "arguments",
    [("bootstrap", "setpu"), ("bootstrap", "setup", "--colour"), ("bootstrap", "--dry-run", "watch")],
)
async def test_a_mistake_in_usage_is_two_lines_and_code_2(
    plldb_cli: RunPlldb, arguments: tuple[str, ...]
) -> None:
    done = await plldb_cli(*arguments)
    assert done.code == 2, done
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]
