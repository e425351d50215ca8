"""One corpus of handlers, events and accidents, run as deployed and in a worker: the same bytes come back."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from botocore.exceptions import ClientError

from tests.cloud.functions import RUNTIME, create
from tests.cloud.shop import attached
from tests.support.cloud.docker import _ENVIRONMENT as ENVIRONMENT
from tests.support.cloud.docker import _SCRIPT as SCRIPT
from tests.support.cloud.runtimes import find_emulator, find_obstacle, find_python
from tests.support.workers import bench, make_start, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.cloud.world import World

SETTINGS: dict[str, Any] = {"name": "orders", "memory": 128, "timeout": 3, "variables": {"TABLE": "orders"}}
VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "3",  # the emulator's
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
    "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TABLE": "orders",
}

# The event is the code of the handler; what follows the last line is what it returns.
APP = '''
import datetime, decimal, json, logging, math, os, sys, time
from decimal import Decimal
loaded = dict(os.environ)
calls = 0


class Mine(Exception):
    """Of the function itself."""


def deep(n):
    return deep(n + 1)


def chain():
    try:
        {}["missing"]
    except KeyError as error:
        raise Mine("of a cause ü") from error


def handler(event, context):
    global calls
    calls += 1
    if not isinstance(event, str) or not event or event[0] == " ":
        return event
    scope = dict(globals(), context=context)
    *lines, last = event.strip().splitlines()
    exec("\\n".join(lines), scope)
    return eval(last, scope)
'''

VALUES = {
    "none": "None",
    "text": "'Zürich \\u2028 \\U0001f600 \\x00 \"quoted\" \\\\ </script>'",
    "a lone surrogate": "'\\ud800'",
    "bytes": "b'{\"a\": 1}'",
    "bytes that are no text": "b'\\xff\\x00'",
    "decimals": "[Decimal('1.10'), Decimal('1E+3'), Decimal('-0'), Decimal('12345678901234567890.123')]",
    "a decimal that is no number": "[Decimal('NaN'), Decimal('-NaN')]",
    "an infinite decimal": "Decimal('Infinity')",
    "not a number": "[math.nan, math.inf, -math.inf]",
    "floats": "[0.1, 1e400, -0.0, 1e22, 5e-324, 1.0]",
    "big numbers": "[10**400, 2**63, -2**64]",
    "keys that are no text": "{1: 'a', None: 'b', True: 'c', 1.5: 'd'}",
    "a tuple": "(1, (2, 3))",
    "a generator": "(n for n in range(3))",
    "a set": "{1}",
    "a date": "datetime.date(2026, 11, 26)",
    "an object": "object()",
    "a circle": "a = []\na.append(a)\na",
    "nested deeply": "a = []\nfor _ in range(100000): a = [a]\na",
    "6 MB": "'x' * (6 * 2**20 - 2)",
    "the largest that Lambda takes": "'x' * (6 * 2**20 + 98)",
    "a byte more": "print('big')\n'x' * (6 * 2**20 + 99)",
    "the next one in a new process": "calls",
    "a large exception": "raise Mine('x' * 2_000_000)\n0",
    "an exception larger than that": "raise Mine('x' * 6 * 2**20)\n0",
    "bytes above the limit": "b'\\xff' * 8_000_000",
    "the next one after those": "calls",
    "an exception": "1 / 0",
    "an exception with a cause": "chain()",
    "an exception without end": "deep(0)",
    "an exception without text": "raise Mine\n0",
    "an exception of several lines": "raise Mine('a\\nb')\n0",
    "json that is none": "json.loads('{')",
    "an exit": "sys.exit(5)",
    "an exit with a text": "sys.exit('bye')",
    "a good exit": "sys.exit()",
    "a keyboard interrupt": "raise KeyboardInterrupt\n0",
    "the end of the process": "os._exit(7)",
    "a kill": "os.kill(os.getpid(), 9)",
    "an abort": "os.abort()",
    "the context": "[context.function_name, context.function_version, context.memory_limit_in_mb, "
    "context.client_context, context.identity.cognito_identity_id, "
    "0 < context.get_remaining_time_in_millis() <= 20000, sorted(vars(type(context)))]",
    "where it is": "[os.getcwd(), sys.path[0], os.environ['_HANDLER'], os.environ['LAMBDA_TASK_ROOT'], "
    "time.tzname, sys.stdin.read(), sys.stdout.encoding]",
    "variables": "names = ('AWS_LAMBDA_FUNCTION_' + each for each in ('NAME', 'VERSION', 'MEMORY_SIZE'))\n"
    "names = (*names, 'AWS_EX', 'AWS_R', 'AWS_DEF', 'LAMBDA', 'PYTHON', 'LANG', 'TZ', 'TABLE')\n"
    "[sorted(pair for pair in e.items() if pair[0].startswith(names)) for e in (loaded, os.environ)]",
}
EVENTS = {
    "numbers": "[1e400, -0.0, 1.10, 12345678901234567890, 1E5]",
    "the same key twice": '{"a": 1, "a": 2}',
    "escapes": '{"a": "\\ud83d\\ude00 \\u0000 ü"}',
    "not a number": "[NaN, -Infinity]",
    "no json": "{",
    "nothing": "",
}
# Not among them: a process that ends while it is loaded. The emulator then answers nothing at all.
BROKEN = {
    "raises": "x = 1\n1 / 0",
    "a missing module": "import gone_for_good",
    "a missing name": "from os import gone_for_good",
    "no python": "def handler(:",
    "no handler": "",
}
OUTPUT = """
print('one', flush=True)
print('two')
sys.stderr.write('three\\n')
logging.getLogger().warning('four %s', 4)
logging.getLogger('mine').error('five')
logging.info('six')
chain()
"""


@asynccontextmanager
async def sandbox(folder: Path, code: str) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    """A sandbox with AWS's emulator as in the test cloud, without the rest of it: its bytes as they are."""
    python = await asyncio.to_thread(find_python, RUNTIME.removeprefix("python"))
    assert python is not None
    for part in ("task", "opt", "var", "tmp"):
        (folder / part).mkdir()
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    (folder / "ca.pem").write_text("")
    write(folder / "task", app=code)
    port, api = free_port(), free_port()
    places = (python["lang"], python["runtime"], find_emulator(), port, api, "app.handler")
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *("sh", str(SCRIPT), "outside", str(folder), *map(str, places)),
        env={**ENVIRONMENT, **VARIABLES},
        stdin=asyncio.subprocess.PIPE,
        stdout=log,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )

    async def invoke(body: bytes) -> bytes:
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        async with aiohttp.ClientSession() as session, session.post(url, data=body) as answer:
            return await answer.read()

    try:
        async with asyncio.timeout(10):
            while not is_open(port):
                await asyncio.sleep(0.01)
        yield invoke
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        log.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def even(text: str, folder: Path) -> str:
    """What must differ, evened out: ids of requests, times, folders, what lies below the handler."""
    text = text.replace(str(folder), "/var/task").replace(sys.base_prefix, "/var/lang")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|request-\d+", "REQUEST", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"repeated \d+ more", "repeated many more", text)


def decode(body: bytes) -> str:
    return body.decode(errors="surrogateescape")


@pytest.fixture(autouse=True)
def possible() -> None:
    if obstacle := find_obstacle():
        pytest.skip(obstacle)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


@pytest.mark.parametrize("debug", [None, 0], ids=["plain", "debugger"])
async def test_the_answers_are_the_same(here: Path, there: Path, debug: int | None) -> None:
    write(here, app=APP)
    bodies = {what: json.dumps(code) for what, code in VALUES.items()} | EVENTS
    if debug is not None:
        del bodies["an exception without end"]  # the last frame that fits is one of the debugger's
    answers = {}
    async with bench(here, debug=debug, **SETTINGS) as function, sandbox(there, APP) as deployed:
        for what, body in bodies.items():
            ran = await function.run(make_start(None, body=body.encode()))
            assert ran.answer is not None
            answers[what] = decode(await deployed(body.encode())), decode(ran.answer.body)
    different = {what: pair for what, pair in answers.items() if even(pair[0], here) != even(pair[1], here)}
    assert not different, json.dumps(different, indent=1)[:5000]
    assert len(answers["the largest that Lambda takes"][0]) == 6 * 2**20 + 100


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN.keys())
async def test_a_function_that_cannot_be_loaded_says_the_same(here: Path, there: Path, code: str) -> None:
    write(here, app=code)
    async with bench(here, **SETTINGS) as function, sandbox(there, code) as deployed:
        ran = await function.invoke()
        assert ran.answer is not None
        assert even(decode(ran.answer.body), here) == even(decode(await deployed(b"null")), here)


async def test_the_output_is_the_same(here: Path, there: Path) -> None:
    write(here, app=APP)
    async with bench(here, **SETTINGS) as function, sandbox(there, APP) as deployed:
        ran = await function.invoke(OUTPUT)
        await deployed(json.dumps(OUTPUT).encode())
        log = (there / "log").read_text().replace("\r", "\n").replace("\u00a0", " ").splitlines()
    mine = [even(line.text, here) for line in ran.output if line.stream == "stdout"]
    assert [line for line in (even(each, here) for each in log) if line in mine] == mine
    assert "[ERROR] Mine: of a cause ü" in mine
    assert "three" in log
    assert [line.text for line in ran.output if line.stream == "stderr"] == ["three"]


async def invoke(functions: Any, name: str, body: bytes) -> tuple[str, str]:
    """What the caller of Invoke gets: the kind of error, if it is one, and the payload."""
    try:
        answer = await functions.invoke(FunctionName=name, Payload=body)
    except ClientError as error:
        return str(error.response["Error"]["Code"]), ""
    return answer.get("FunctionError", ""), decode(await answer["Payload"].read())


async def test_the_caller_of_invoke_gets_the_same_from_an_attached_function(
    world: World, aws_env: dict[str, str], here: Path
) -> None:
    write(here, app=APP)
    variables = {"Variables": {"TABLE": "orders"}}
    name = await create(world.functions, APP, Timeout=20, Environment=variables)
    arn = (await world.functions.get_function_configuration(FunctionName=name))["FunctionArn"]
    bodies = {what: json.dumps(code).encode() for what, code in VALUES.items()}
    before = {what: await invoke(world.functions, name, body) for what, body in bodies.items()}
    async with attached(aws_env, here, arn, "--no-debug") as session:
        await session.read_until("attached")
        after = {what: await invoke(world.functions, name, body) for what, body in bodies.items()}
        code, last = await session.end()
    different = {
        what: (before[what], after[what])
        for what in bodies
        if [even(each, here) for each in before[what]] != [even(each, here) for each in after[what]]
    }
    assert not different, json.dumps(different, indent=1)[:5000]
    assert (code, last["result"]) == (0, "detached")
