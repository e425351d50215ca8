"""One corpus of handlers, events and accidents, run as deployed and in a worker: the same bytes come back."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from botocore.exceptions import ClientError

from plldb.debugger.workers.process import find_packages
from tests.cloud.corpus import APP, BROKEN, EVENTS, OUTPUT, SDKS, USER, VALUES, calls
from tests.cloud.functions import RUNTIME, create
from tests.cloud.shop import ACCOUNT, attached
from tests.support.cloud.docker import _ENVIRONMENT as ENVIRONMENT
from tests.support.cloud.docker import _SCRIPT as SCRIPT
from tests.support.cloud.runtimes import find_emulator, find_obstacle, find_python
from tests.support.servers import reserved_port
from tests.support.workers import bench, make_start, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from tests.cloud.world import World

SETTINGS: dict[str, Any] = {"name": "orders", "memory": 128, "timeout": 20, "variables": {"TABLE": "orders"}}
VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "20",  # the emulator's
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
    "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TABLE": "orders",
}


@asynccontextmanager
async def sandbox(
    folder: Path, code: str, variables: Mapping[str, str] = VARIABLES
) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    """A sandbox with AWS's emulator as in the test cloud, without the rest of it: its bytes as they are."""
    python = await asyncio.to_thread(find_python, RUNTIME.removeprefix("python"))
    assert python is not None
    for part in ("task", "opt", "var", "tmp"):
        (folder / part).mkdir()
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    (folder / "ca.pem").write_text("")
    write(folder / "task", app=code)
    log = (folder / "log").open("wb")
    with reserved_port() as port, reserved_port() as api:
        places = (python["lang"], python["runtime"], find_emulator(), port, api, "app.handler")
        process = await asyncio.create_subprocess_exec(
            *("sh", str(SCRIPT), "outside", str(folder), *map(str, places)),
            env={**ENVIRONMENT, **VARIABLES, **variables},
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
            async with asyncio.timeout(60):
                while not is_open(port):
                    await asyncio.sleep(0.01)
            yield invoke
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
            log.close()


def is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def even(text: str, folder: Path) -> str:
    """What must differ, evened out: ids of requests, times, folders, what lies below the handler."""
    text = text.replace(str(folder), "/var/task").replace(sys.base_prefix, "/var/lang")
    text = text.replace(find_packages()["awslambdaric"], "/var/runtime")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|request-\d+", "REQUEST", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"repeated \d+ more", "repeated many more", text)


def decode(body: bytes) -> str:
    return body.decode(errors="surrogateescape")


@pytest.fixture
def account() -> str:
    """The one that has the stack ``shop``: plldb's own is there already."""
    return ACCOUNT


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
    assert len(json.loads(answers["the order of sys.path"][0])) == 5, "code, standard library, packages"
    assert len(answers["the largest that Lambda takes"][0]) == 6 * 2**20 + 100


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN.keys())
async def test_a_function_that_cannot_be_loaded_says_the_same(here: Path, there: Path, code: str) -> None:
    write(here, app=code)
    async with bench(here, **SETTINGS) as function, sandbox(there, code) as deployed:
        ran = await function.invoke()
        assert ran.answer is not None
        assert even(decode(ran.answer.body), here) == even(decode(await deployed(b"null")), here)


@pytest.mark.parametrize(("debug", "name"), [(None, each) for each in SDKS] + [(0, "wraps the runtime")])
async def test_an_sdk_that_patches_the_runtime_does_the_same(
    here: Path, there: Path, name: str, debug: int | None
) -> None:
    handler = "" if "__getattr__" in SDKS[name] else "handler = plain\n"
    code = USER + handler + SDKS[name]
    write(here, app=code)
    async with bench(here, debug=debug, **SETTINGS) as function, sandbox(there, code) as deployed:
        for event in ("x", "fail", "y"):
            ran = await function.invoke(event)
            assert ran.answer is not None
            answer = await deployed(json.dumps(event).encode())
            assert even(decode(ran.answer.body), here) == even(decode(answer), here)


@pytest.mark.parametrize(("log_format", "log_level"), [("Text", ""), ("JSON", "INFO"), ("JSON", "ERROR")])
async def test_the_output_is_the_same(here: Path, there: Path, log_format: str, log_level: str) -> None:
    write(here, app=APP)
    logging: dict[str, Any] = {"log_format": log_format, "log_level": log_level}
    told = {"AWS_LAMBDA_LOG_FORMAT": log_format, "AWS_LAMBDA_LOG_LEVEL": log_level} if log_level else {}
    async with bench(here, **SETTINGS, **logging) as function, sandbox(there, APP, told) as deployed:
        ran = await function.invoke(OUTPUT)
        await deployed(json.dumps(OUTPUT).encode())
        log = (there / "log").read_text().replace("\r", "\n").replace("\u00a0", " ").splitlines()
    mine = [even(line.text, here) for line in ran.output if line.stream == "stdout"]
    assert [line for line in (even(each, here) for each in log) if line in mine] == mine
    if log_level:
        logged = [json.loads(line) for line in mine if line.startswith("{")]
        levels = {"INFO": {"INFO", "WARNING", "ERROR"}, "ERROR": {"ERROR"}}[log_level]
        assert {each["level"] for each in logged} == levels
    else:
        assert "[ERROR] Mine: of a cause ü" in mine
    assert "three" in log
    assert [line.text for line in ran.output if line.stream == "stderr"] == ["three"]


async def invoke(functions: Any, name: str, body: bytes, headers: dict[str, str]) -> tuple[str, str]:
    """What the caller of Invoke gets: the kind of error, if it is one, and the payload."""
    events, name_of_it = functions.meta.events, "before-call.lambda.Invoke"
    events.register(name_of_it, lambda params, **_: params["headers"].update(headers), "headers")
    try:
        answer = await functions.invoke(FunctionName=name, Payload=io.BytesIO(body))
    except ClientError as error:
        return str(error.response["Error"]["Code"]), ""
    finally:
        events.unregister(name_of_it, unique_id="headers")
    return answer.get("FunctionError", ""), decode(await answer["Payload"].read())


async def test_the_caller_of_invoke_gets_the_same_from_an_attached_function(
    world: World, aws_env: dict[str, str], here: Path
) -> None:
    write(here, app=APP)
    variables = {"Variables": {"TABLE": "orders"}}
    name = await create(world.functions, APP, Timeout=20, Environment=variables)
    short = await create(world.functions, APP, Timeout=1)
    late = json.dumps("time.sleep(30)").encode(), dict[str, str]()
    arns = [
        (await world.functions.get_function_configuration(FunctionName=each))["FunctionArn"]
        for each in (name, short)
    ]
    timed_out = [await invoke(world.functions, short, *late)]
    before = {what: await invoke(world.functions, name, *call) for what, call in calls().items()}
    async with attached(aws_env, here, *arns, "--no-debug") as session:
        await session.read_until("attached")
        process = session.running.process
        assert process.stdout is not None
        reading = asyncio.create_task(process.stdout.read())  # a reader that stands still would hold all up
        after = {what: await invoke(world.functions, name, *call) for what, call in calls().items()}
        timed_out.append(await invoke(world.functions, short, *late))
        process.send_signal(signal.SIGINT)
        last, code = json.loads((await reading).splitlines()[-1]), await process.wait()
    different = {
        what: (before[what], after[what])
        for what in before
        if [even(each, here) for each in before[what]] != [even(each, here) for each in after[what]]
    }
    assert not different, json.dumps(different, indent=1)[:5000]
    # AWS says the request's id besides, and the emulated cloud does not.
    said = [json.loads(payload) for _, payload in timed_out]
    assert {each["errorType"] for each in said} == {"Sandbox.Timedout"}
    assert all(each["errorMessage"].endswith("Task timed out after 1.00 seconds") for each in said)
    assert "eu-west-1:1234" in before["an identity"][1]
    assert "üÅ" in json.loads(before["a mobile application"][1])
    assert (code, last["result"]) == (0, "detached")


async def test_the_caller_of_invoke_gets_the_same_from_an_attached_function_that_cannot_be_loaded(
    world: World, aws_env: dict[str, str], here: Path
) -> None:
    call, folders, options = (b"null", dict[str, str]()), dict[str, Path](), list[str]()
    for what in ("raises", "a missing module", "no handler"):
        name = await create(world.functions, BROKEN[what])
        folders[name] = here / what
        folders[name].mkdir()
        write(folders[name], app=BROKEN[what])
        found = await world.functions.get_function_configuration(FunctionName=name)
        options += [found["FunctionArn"], "--code", f"{name}={folders[name]}"]
    deployed = [await invoke(world.functions, name, *call) for name in folders]
    async with attached(aws_env, here, *options, "--no-debug") as session:
        await session.read_until("attached")
        answers = [await invoke(world.functions, name, *call) for name in folders]
        code, last = await session.end()
    for before, after, folder in zip(deployed, answers, folders.values(), strict=True):
        assert [even(each, folder) for each in after] == [even(each, folder) for each in before]
    types = [json.loads(payload)["errorType"] for _, payload in answers]
    assert types == ["ZeroDivisionError", "Runtime.ImportModuleError", "Runtime.HandlerNotFound"]
    assert (code, last["invocations"], last["left_armed"]) == (0, 3, [])
