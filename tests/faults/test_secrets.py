"""No secret comes out, whatever happens and however much is said; and nothing from AWS forges output."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest

from tests.faults.cli import environment, json_lines, run_plldb
from tests.faults.library import at_most
from tests.support import program
from tests.support.answers import access_denied, error, expired_token, server_error
from tests.support.behaviours import Answer, Behaviour, Reset, Truncate, on
from tests.support.environment import invent_account
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response

KEY = "AKIAMARKEDKEYID00000"
SECRET = "MarkedSecret/+nobodymayseethis0123456789"
TOKEN = "MarkedSessionToken//nobodymayseethiseither=="
OTHER = "MarkedValueOfAnotherVariable"
# Signature and credential of a request, wherever they stand.
MARKS = re.compile(r"MARKEDKEYID|MarkedSecret|MarkedSessionToken|MarkedValueOf|Signature=[0-9a-f]{8}")
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
COMMANDS = (
    ("bootstrap", "setup"),
    ("bootstrap", "setup", "--dry-run", "--tag", "team=i"),
    ("bootstrap", "status"),
    ("bootstrap", "watch"),
    ("doctor",),
    ("bootstrap", "destroy", "--yes"),
)


def mismatch(call: Call) -> Response:
    """What AWS says to a wrong signature: all that was signed, the token among it."""
    headers = "\n".join(f"{name.lower()}:{value}" for name, value in call.request.headers)
    message = (
        "The request signature we calculated does not match the signature you provided.\n\n"
        f"The Canonical String for this request should have been\n'POST\n/\n\n{headers}'"
    )
    return error(call, 403, "SignatureDoesNotMatch", message)


def incomplete(call: Call) -> Response:
    told = call.request.header("authorization")
    message = f"Authorization header requires 'Signature' parameter. Authorization={told}"
    return error(call, 400, "IncompleteSignature", message)


def denied(call: Call) -> Response:
    """Names the caller, which for `access_denied` is the access key id."""
    message = "User: arn:aws:iam::123456789012:user/dev is not authorized to perform: sts:GetCallerIdentity"
    return error(call, 403, "AccessDenied", message)


TROUBLES: dict[str, Behaviour | None] = {
    "nothing": None,
    "HTTP 500": Answer(server_error),
    "a reset": Reset(),
    "a truncated body": Truncate(),
    "ExpiredToken": Answer(expired_token),
    "AccessDenied": Answer(denied),
    "SignatureDoesNotMatch": Answer(mismatch),
    "IncompleteSignature": Answer(incomplete),
}


@pytest.mark.parametrize(
    ("source", "output", "region"),
    [
        ("environment", "text", "eu-west-1"),
        ("environment", "json", "eu-west-2"),
        ("profile", "text", "eu-west-3"),
        ("profile", "json", "eu-north-1"),
    ],
)
async def test_no_credential_is_ever_written_whatever_happens(
    ministack: str, tmp_path: Path, source: str, output: str, region: str
) -> None:
    # MiniStack takes a key that is no number for one account of its own, hence the regions.
    env = environment("", "") | (KEYS if source == "environment" else keys_in_profile(tmp_path))
    env |= {"AWS_REGION": region, "DATABASE_PASSWORD": OTHER}

    async def run_with(name: str, commands: Sequence[tuple[str, ...]]) -> list[str]:
        trouble = TROUBLES[name]
        async with Proxy(ministack, *([on(trouble)] if trouble else [])) as proxy:
            said = [await one(proxy, *command) for command in commands]
        return [f"{name}: {text}" for text in said if MARKS.search(text)]

    async def one(proxy: Proxy, *command: str) -> str:
        present = {key: value for key, value in env.items() if value} | {"AWS_ENDPOINT_URL": proxy.url}
        arguments = ("--verbose", *command, "--output", output)
        ran = await program.run(*arguments, env=present, cwd=tmp_path, seconds=120)
        assert "INFO plldb.aws.session: " in ran.stderr, f"--verbose says nothing: {ran}"
        return ran.stdout + ran.stderr

    cases = [run_with(name, COMMANDS if name == "nothing" else COMMANDS[:1]) for name in TROUBLES]
    assert not [leak for found in await at_most(3, cases) for leak in found]


def keys_in_profile(folder: Path) -> dict[str, str]:
    file = folder / "credentials"
    lines = [f"{name.lower()} = {value}" for name, value in KEYS.items()]
    file.write_text("\n".join(["[marked]", *lines, ""]))
    return {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "marked"} | dict.fromkeys(KEYS, "")


# --- text from AWS ----------------------------------------------------------------------------------------

# What XML can carry: C1 controls, line and paragraph separators, bidi overrides, line feeds. Not ESC.
EVIL = '\x9b31mred\x9d0;title\x9c\u202ereversed\u2066\u2028next\x85line\n{"kind": "finished", "version": 1}\r'
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# What the terminal's own face may send: colours, lines cleared, the cursor moved, hidden and shown.
OWN_ESCAPES = re.compile(r"\x1b\[\??[0-9;]*[A-Zhlm]")


async def forge(call: Call, forward: Forward) -> Response:
    """A behaviour: reasons, names and outputs that say evil things."""
    response = await forward(call)
    evil = escape(EVIL).replace("\n", "&#10;").replace("\r", "&#13;")
    text = response.body.decode()
    text = re.sub(r"<ResourceStatusReason>.*?</ResourceStatusReason>|<ResourceStatusReason */>", "", text)
    text = text.replace(
        "</ResourceStatus>", f"</ResourceStatus><ResourceStatusReason>{evil}</ResourceStatusReason>"
    )
    text = text.replace("<LogicalResourceId>PLLDB", f"<LogicalResourceId>{evil}PLLDB")
    text = text.replace("</OutputValue>", f"{evil}</OutputValue>")
    text = text.replace("</Message>", f"{evil}</Message>")
    return response.with_body(text.encode())


@pytest.mark.parametrize("trouble", ["nothing", "a refusal"])
async def test_text_from_aws_forges_neither_lines_nor_terminal_escapes(
    ministack: str, proxy: Proxy, tmp_path: Path, trouble: str
) -> None:
    rules = [on(forge)]
    if trouble == "a refusal":
        rules.append(on(Answer(access_denied), "CreateStack"))
    # What was deployed is told by the commands that only look, too.
    commands = ("setup", "status", "watch") if trouble == "nothing" else ("setup",)
    for face in ("text", "json", "terminal"):
        account = invent_account()
        proxy.use(*rules)
        for command in commands:
            if face == "terminal":
                said = await on_a_terminal(proxy.url, account, tmp_path, command)
                said = OWN_ESCAPES.sub("", said).replace("\r", "")
            else:
                ran = await run_plldb(proxy.url, account, command, "--output", face, cwd=tmp_path)
                said = ran.stdout + ran.stderr
                assert ran.code == (trouble != "nothing"), str(ran)
            assert "reversed" in said, f"{command}, {face}: {said!r}"
            assert not CONTROLS.search(said), repr(said)
            assert not [line for line in said.splitlines() if line.startswith('{"kind": "finished"')]
            if face == "json":
                assert ran.stdout.isascii()
                ends = [line["kind"] for line in json_lines(ran) if line["kind"] in ("finished", "failed")]
                assert ends == ["finished" if trouble == "nothing" else "failed"]


async def on_a_terminal(endpoint: str, account: str, folder: Path, command: str) -> str:
    """What the program writes to a terminal."""
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "plldb", "bootstrap", command),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment(endpoint, account), "TERM": "xterm-256color", "COLUMNS": "120"},
        cwd=folder,
    )
    os.close(slave)
    written = await asyncio.to_thread(read_to_the_end, master)
    await process.wait()
    return written.decode()


def read_to_the_end(master: int) -> bytes:
    chunks = []
    try:
        while chunk := os.read(master, 65536):
            chunks.append(chunk)
    except OSError:
        pass  # how Linux says that nobody has the other end open any more
    finally:
        os.close(master)
    return b"".join(chunks)
