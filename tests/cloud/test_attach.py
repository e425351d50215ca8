"""``plldb attach`` as it is run: functions of a stack answered by the code in a folder, and given back."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plldb import debugger
from plldb.debugger.arming.settings import read_arms
from plldb.debugger.wire import VERSION
from tests.cloud.functions import (
    connect_http_api,
    connect_queue,
    create,
    eventually,
    fetch,
    invoke,
    pack,
)
from tests.cloud.shop import ACCOUNT, DEPLOYED, LOCAL, STACK, attached, settings
from tests.cloud.world import PACE
from tests.docs.json_page import check_lines, read_lines
from tests.support import program
from tests.support.answers import error as answer_error
from tests.support.behaviours import on
from tests.support.proxy import Proxy
from tests.support.road import open_road
from tests.support.screens import on_screen, on_terminal

if TYPE_CHECKING:
    from tests.cloud.world import World
    from tests.conftest import OpenClient, RunPlldb
    from tests.support.behaviours import Forward
    from tests.support.cloud import Cloud
    from tests.support.operations import Call
    from tests.support.wire import Response


@pytest.fixture
def account() -> str:
    """One account for all that has the stack ``shop``."""
    return ACCOUNT


async def test_a_stack_is_attached_answered_from_the_folder_and_given_back(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, plldb_cli: RunPlldb
) -> None:
    before = {name: await settings(world, name) for name in names.values()}
    async with attached(aws_env, folder, "shop", "--no-debug") as session:
        ready = await session.read_until("attached")
        assert sorted(ready["functions"]) == sorted([names["Orders"], names["Mails"]])
        refused = {line["function"]: line["reason"] for line in session.lines if "reason" in line}
        assert refused == {names["Images"]: "not-python", names["Elsewhere"]: "no-code"}
        answers = await asyncio.gather(
            *(invoke(world.functions, names[each], each) for each in ("Orders", "Mails"))
        )
        assert answers == [{"laptop": "Orders"}, {"laptop": "Mails"}]
        error = await invoke(world.functions, names["Orders"], "fail")
        assert error["errorType"] == "KeyError"
        failed = await session.read_until("invocation_finished")
        while failed["outcome"] == "answered":
            failed = await session.read_until("invocation_finished")
        assert (failed["error"], failed["file"], failed["line"]) == ("KeyError: 'price'", "index.py", 5)
        status = json.loads((await plldb_cli("status", "shop", "--output", "json")).stdout)
        assert (status["result"], len(status["sessions"])) == ("armed", 1)
        check_lines([status])
        code, last = await session.end()
    assert (code, last["result"], last["invocations"], last["failed"]) == (0, "detached", 3, 1)
    assert (last["restored"], last["left_armed"]) == (2, [])
    printed = [line["text"] for line in session.lines if line["kind"] == "output"]
    assert "   seen Orders" in printed
    assert {name: await settings(world, name) for name in names.values()} == before
    assert await invoke(world.functions, names["Orders"], 1) == {"deployed": 1}
    status = json.loads((await plldb_cli("status", "shop", "--output", "json")).stdout)
    assert (status["result"], status["sessions"]) == ("as_deployed", [])
    check_lines([*session.lines, status])
    (differing,) = [line["functions"] for line in session.lines if line["kind"] == "code_differs"]
    assert {each["function"]: each["files"] for each in differing} == {
        name: ["index.py"] for name in ready["functions"]
    }
    ours = {line["request_id"] for line in session.lines if line["kind"] == "invocation_started"}
    outcomes = [each["outcome"] for each in status["invocations"] if each["request_id"] in ours]
    assert sorted(outcomes) == ["answered", "answered", "failed"]


async def test_only_invocations_that_fulfil_the_conditions_come_here_and_can_be_run_again(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, plldb_cli: RunPlldb
) -> None:
    where = ("--where", "headers.x-debug=me", "--where", "body.user=a*")
    async with attached(
        aws_env, folder, "shop", "Orders", "--no-debug", *where, "--record", "kept"
    ) as session:
        plan = await session.read_until("attach_planned")
        assert plan["where"] == ["headers.x-debug=me", "body.user=a*"]
        await session.read_until("attached")
        answers = []
        for number in range(10):
            who = "me" if number % 2 else "you"
            event = {"headers": {"X-Debug": who}, "body": json.dumps({"user": "ada"}), "number": number}
            answers += [(who, await invoke(world.functions, names["Orders"], event))]
        assert [[*answer] for who, answer in answers] == [["deployed"], ["laptop"]] * 5
        assert [answer.popitem()[1]["number"] for _, answer in answers] == [*range(10)]
        shown = (await plldb_cli("status", "shop")).stdout
        assert "; only where headers.x-debug=me and body.user=a*" in " ".join(shown.split())
        said = (
            await plldb_cli("invoke", names["Orders"], "--data", '{"headers": {"x-debug": "you"}}')
        ).stdout
        assert "the deployed code, version $LATEST; root takes other events only" in " ".join(said.split())
        code, last = await session.end()
    assert (code, last["invocations"], last["failed"], last["restored"]) == (0, 5, 0, 1)
    check_lines(session.lines)
    recordings = sorted(map(str, (folder / "kept").iterdir()))
    assert not [path for path in recordings if aws_env["AWS_SECRET_ACCESS_KEY"] in Path(path).read_text()]
    nowhere: dict[str, str | None] = {name: None for name in aws_env if name.startswith("AWS_")}
    command = ("replay", *recordings, "--no-debug", "--output", "json", "--python", sys.executable)
    again = await plldb_cli(*command, cwd=folder, env=nowhere, process=True)
    lines = read_lines(again.stdout)
    assert (again.code, lines[-1]["invocations"], lines[-1]["differing"]) == (0, 5, 0), again
    numbers = [json.loads(line["answer"])["laptop"]["number"] for line in lines if line["kind"] == "replayed"]
    assert numbers == [1, 3, 5, 7, 9]
    refused = await plldb_cli("attach", "shop", "--where", "headers.x-debug")
    assert (refused.code, refused.stdout) == (2, "")
    said = "'headers.x-debug' has no '=': a condition is PATH=PATTERN, for example headers.x-debug=me"
    assert said in " ".join(refused.stderr.split())


async def test_of_several_folders_that_with_the_deployed_file_is_run_also_when_it_is_changed(
    world: World, names: dict[str, str], aws_env: dict[str, str], tmp_path: Path
) -> None:
    for each, text in (("a", LOCAL), ("b", DEPLOYED), ("c", LOCAL)):
        (tmp_path / each).mkdir()
        (tmp_path / each / "index.py").write_text(text)
    options = ("--no-debug", "--env", "STAGE=here", "--credentials", "local")
    own = {**aws_env, "AWS_SECRET_ACCESS_KEY": "own"}  # of the keys here only this tells a role from a user
    async with attached(own, tmp_path, "shop", "Orders", *options) as session:
        planned = await session.read_until("attach_planned")
        assert [each["folder"] for each in planned["functions"]] == [str((tmp_path / "b").resolve())]
        await session.read_until("attached")
        (tmp_path / "b/index.py").write_text(
            "import os\ndef handler(event, context): return [os.environ[name] for name in event]\n"
        )
        wanted = ("STAGE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        found = await invoke(world.functions, names["Orders"], wanted)
        assert found == ["here", aws_env["AWS_ACCESS_KEY_ID"], "own"]
        await session.end()
        assert "code_differs" not in {line["kind"] for line in session.lines}
    (tmp_path / "b/index.py").write_text(LOCAL)
    async with attached(aws_env, tmp_path, "shop", "Orders", "--no-debug") as session:
        refused = await session.read_until("function_refused")
        assert refused["reason"] == "several-folders"
        assert ": a, b, c. The table [tool.plldb.code] of pyproject.toml can name one." in refused["message"]
        assert (await session.running.finish()).code == 1
    sources = ("--code", "Orders=c")
    async with attached(aws_env, tmp_path, "shop", "Orders", "--no-debug", *sources) as session:
        planned = await session.read_until("attach_planned")
        assert [each["folder"] for each in planned["functions"]] == [str((tmp_path / "c").resolve())]
        await session.read_until("attached")
        await session.end()


async def test_code_in_the_template_itself_runs_in_a_copy_that_can_be_changed(
    world: World, names: dict[str, str], aws_env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "template.json").write_text(json.dumps(STACK))
    env = {**aws_env, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    async with attached(env, tmp_path, "shop", "Orders", "--no-debug") as session:
        planned = await session.read_until("attach_planned")
        (copy,) = (Path(each["folder"]) for each in planned["functions"])
        assert copy.parent == (tmp_path / "cache/plldb/code").resolve()
        assert (copy / "index.py").read_text() == DEPLOYED
        await session.read_until("attached")
        (copy / "index.py").write_text(LOCAL)
        assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
        await session.end()


WSGI = """
import importlib, pathlib, sys
root = pathlib.Path(__file__).parent
where, _, module = (root / ".serverless-wsgi").read_text().rpartition("/")
sys.path.insert(0, str(root / where))
handler = importlib.import_module(module).handler
"""
"""In the manner of serverless-wsgi: it imports the application beside itself."""


async def test_a_handler_that_is_written_when_a_project_is_packaged_runs_the_code_of_this_machine(
    world: World, aws_env: dict[str, str], tmp_path: Path
) -> None:
    deployed = {"wsgi_handler.py": WSGI, ".serverless-wsgi": "src/app", "src/app.py": DEPLOYED}
    code = {"Handler": "wsgi_handler.handler", "Code": {"ZipFile": pack(deployed)}}
    name = await create(world.functions, "", **code)
    arn = (await world.functions.get_function(FunctionName=name))["Configuration"]["FunctionArn"]
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "src/app.py").write_text(LOCAL)
    env = {**aws_env, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    async with attached(env, project, arn, "--no-debug") as session:
        planned = await session.read_until("attach_planned")
        assert [each["handler"] for each in planned["functions"]] == ["wsgi_handler.handler"]
        await session.read_until("attached")
        assert await invoke(world.functions, name, 1) == {"laptop": 1}
        (project / "src/app.py").write_text(LOCAL.replace("laptop", "changed"))
        assert await invoke(world.functions, name, 1) == {"changed": 1}
        await session.end()
    assert [each.name for each in project.iterdir()] == ["src"]


HANDLERS = [f"plldb-ws-api-{route}" for route in ("authorize", "connect", "default", "disconnect")]


async def test_no_token_and_no_event_is_written_anywhere(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, cloud: Cloud
) -> None:
    event, key = {"password": "hunter2"}, "wJalrXUtnFEMI"
    async with attached(
        {**aws_env, "AWS_SECRET_ACCESS_KEY": key}, folder, "shop", "Mails", "--no-debug", "--verbose"
    ) as session:
        await session.read_until("attached")
        found = await world.functions.get_function_configuration(FunctionName=names["Mails"])
        arms = read_arms(found["Environment"]["Variables"])
        assert arms is not None
        assert await invoke(world.functions, names["Mails"], event) == {"laptop": event}
        scan = partial(world.places.table.client.scan, ConsistentRead=True)
        tables = str([await scan(TableName=name) for name in ("PLLDBSessions", "PLLDBDebugger")])
        pid = session.running.process.pid
        assert re.search(r"Max core file size +[01] ", Path(f"/proc/{pid}/limits").read_text())
        listed = await asyncio.create_subprocess_exec(
            "ps", "-eww", "-o", "args", stdout=asyncio.subprocess.PIPE
        )
        processes = (await listed.communicate())[0].decode()
        assert (await session.end())[0] == 0
    told = [line for line in session.lines if line["kind"] != "output"]
    said = str([told, tables, processes])
    logs = "".join(sandbox.log for name in (*HANDLERS, names["Mails"]) for sandbox in cloud.sandboxes(name))
    assert logs
    assert "plldb" in session.errors, "it was verbose"
    assert "cargo/boot.py" in processes
    for secret in (arms.token, "hunter2", key, f"plldb{VERSION} "):  # the last one begins a frame
        assert secret not in said + session.errors + logs


async def test_all_goes_through_the_proxy_of_a_company_and_trusts_its_certificates(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, cloud: Cloud
) -> None:
    services = ("DYNAMODB", "LAMBDA", "CLOUDWATCH_LOGS")  # the WebSocket is where STS is
    nowhere = {f"AWS_ENDPOINT_URL_{each}": "https://127.0.0.1:1" for each in services}
    env = {name: value for name, value in aws_env.items() if name != "SSL_CERT_FILE"} | nowhere
    async with open_road() as road:
        road.beyond = int(cloud.url.rpartition(":")[2])
        env["HTTPS_PROXY"] = f"http://me:secret@127.0.0.1:{road.port}"
        async with attached(env, folder, "shop", "Orders", "--no-debug", "--verbose") as session:
            await session.read_until("attached")
            assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
            road.tear()
            await session.read_until("connection_lost")  # so the WebSocket came this way, too
            road.torn = False
            await session.read_until("connection_restored")
            code, last = await session.end()
        # At port 1 is nothing: what does not ask the proxy fails.
        assert set(road.asked) == {f"CONNECT 127.0.0.1:{port} HTTP/1.1" for port in (1, road.beyond)}
    assert (code, last["result"], last["restored"], last["left_armed"]) == (0, "detached", 1, [])
    assert "secret" not in session.errors + str(session.lines)


async def test_a_queue_and_an_http_api_are_named_as_what_invoked(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    cloud: Cloud,
    open_client: OpenClient,
) -> None:
    queue = await connect_queue(open_client, names["Mails"])
    url = await connect_http_api(open_client, cloud, names["Orders"])
    async with attached(aws_env, folder, "shop", "Orders", "Mails", "--no-debug") as session:
        await session.read_until("attached")
        await queue.send_message(QueueUrl=names["Mails"], MessageBody="good")
        started = await session.read_until("invocation_started")
        assert started["trigger"] == f"SQS {names['Mails']}, 1 record"
        assert started["caller"] is None
        status, body = await fetch(cloud, url)
        assert (status, body[:10]) == (200, '{"laptop":')
        started = await session.read_until("invocation_started")
        assert (started["trigger"], started["caller"]["seconds"]) == ("GET /x", 30)
        code, _ = await session.end()
    assert code == 0


async def test_a_message_is_hidden_from_others_while_it_is_held_here(
    world: World,
    names: dict[str, str],
    cloud: Cloud,
    open_client: OpenClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, hidden = tmp_path / "code", tmp_path / "hidden"
    code.mkdir()
    (code / "index.py").write_text(
        "import os, time\n"
        "def handler(event, context):\n"
        f"    while not os.path.exists({str(hidden)!r}): time.sleep(0.02)\n"
    )

    async def watch(call: Call, forward: Forward) -> Response:
        if call.operation == "ChangeMessageVisibilityBatch":
            hidden.touch()
        return await forward(call)

    queue = await connect_queue(open_client, names["Mails"])
    options = debugger.AttachOptions(code=code, python=Path(sys.executable), debug_port=None)
    outcomes = []
    async with Proxy(cloud.direct, on(watch)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", proxy.url)
        attaching = debugger.attach(
            debugger.Place(), "shop", ["Mails"], options, pace=replace(PACE, hide_after=0.0)
        )
        async with attaching as session, asyncio.timeout(60):
            async for event in session:
                match event:
                    case debugger.Attached():
                        await queue.send_message(QueueUrl=names["Mails"], MessageBody="good")
                    case debugger.InvocationFinished(outcome=outcome):
                        outcomes.append(outcome)
                        session.detach()
    assert outcomes == ["answered"]


@pytest.mark.parametrize("output", [("--output", "json"), ()])
async def test_invocations_are_answered_while_the_output_stands_still_and_nothing_else_is_missing(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, output: tuple[str, ...]
) -> None:
    (folder / "index.py").write_text(
        "def handler(event, context):\n"
        "    for number in range(event):\n"
        "        print('x' * 100)\n"
        "    return {'laptop': event}\n"
    )
    before = await settings(world, names["Orders"])
    arguments = ("attach", "shop", "Orders", "--no-debug", "--yes", "--python", sys.executable, *output)
    async with program.started(*arguments, env=aws_env, cwd=folder) as running:
        assert running.process.stdout is not None
        seen = (await running.process.stdout.readuntil(b"attached")).decode()
        # From here on nobody reads: the pipe is full after the first of them.
        for lines in (30_000, 1, 2):
            assert await invoke(world.functions, names["Orders"], lines) == {"laptop": lines}
        running.process.send_signal(signal.SIGINT)
        await eventually(lambda: settings(world, names["Orders"]), before)
        done = await running.finish()
    assert (done.code, done.stderr) == (0, "")
    seen += done.stdout
    if output:
        told = [json.loads(line) for line in seen.splitlines()]
        kinds = Counter(line["kind"] for line in told)
        skipped = sum(line.get("lines", 0) for line in told)
        assert kinds["output"] + skipped >= 30_003
        assert kinds["invocation_started"] == kinds["invocation_finished"] == told[-1]["invocations"]
        assert (kinds["restored"], told[-1]["kind"]) == (1, "finished")
    else:
        skipped = sum(map(int, re.findall(r"output +(\d+) lines? not shown", seen)))
        assert seen.count("x" * 100) + skipped >= 30_003
        assert seen.splitlines()[-1].startswith("✔ plldb      detached: ")
    assert skipped


async def test_an_invocation_that_does_not_come_here_is_named_with_the_reason(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    version = (await world.functions.publish_version(FunctionName=names["Mails"]))["Version"]
    async with attached(aws_env, folder, "shop", "Mails", "--no-debug") as session:
        await session.read_until("attached")
        assert await invoke(world.functions, names["Mails"], 1, Qualifier=version) == {"deployed": 1}
        silent = await session.read_until("function_silent")
        assert (silent["function"], silent["function_version"]) == (names["Mails"], version)
        assert (await session.end())[0] == 0


async def test_on_a_terminal_it_asks_first_and_ctrl_c_puts_everything_back(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    before = await settings(world, names["Orders"])
    with (folder / "index.py").open("a") as code:
        code.write("def later(event, context):\n    return handler({'later': event}, context)\n")
    arguments = ("attach", "shop", "Orders", "--no-debug", "--python", sys.executable)
    async with on_terminal(*arguments, env=aws_env, cwd=folder) as screen:
        await screen.read_until(r"Attach to 1 function\? \[y/N\]")
        screen.type("n\n")
        assert await screen.finish() == 1
    assert await settings(world, names["Orders"]) == before
    async with on_terminal(*arguments, env=aws_env, cwd=folder) as screen:
        await screen.read_until(r"Attach to 1 function\? \[y/N\]")
        # It is deployed while the question stands there: what is armed then is run.
        await world.functions.update_function_configuration(
            FunctionName=names["Orders"], Handler="index.later"
        )
        screen.type("y\n")
        await screen.read_until("Ctrl-C puts everything back")
        assert await invoke(world.functions, names["Orders"], 1) == {"laptop": {"later": 1}}
        screen.type("\x03")
        assert await screen.finish() == 0
    shown = on_screen(screen.text)
    for words in (
        "#1         Orders: Invoke, 1 byte",
        "   seen {'later': 1}",
        "#1         Orders answered",
        "detached: 1",
    ):
        assert words in shown
    assert await settings(world, names["Orders"]) == {**before, "Handler": "index.later"}
    await world.functions.update_function_configuration(
        FunctionName=names["Orders"], Handler=before["Handler"]
    )


async def test_nothing_is_armed_before_the_caller_knows_and_only_what_is_armed_is_looked_at(
    world: World, names: dict[str, str], cloud: Cloud, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at, three = list[str](), asyncio.Event()

    async def meddle(call: Call, forward: Forward) -> Response:
        if call.operation == "UpdateFunctionConfiguration" and names["Mails"] in call.request.target:
            return answer_error(call, 400, "InvalidParameterValueException", "The layers are too large.")
        if call.operation == "ListVersionsByFunction":
            return answer_error(call, 403, "AccessDeniedException", "You may not list versions.")
        if call.operation == "FilterLogEvents":
            looked_at.append(json.loads(call.request.body or b"{}")["logGroupName"])
            if len(looked_at) == 3:
                three.set()
        return await forward(call)

    options = debugger.AttachOptions(code=folder, python=Path(sys.executable), debug_port=None)
    pace = replace(PACE, look_at_logs=0.05)
    armed, refused, both = list[str](), list[str](), ("Orders", "Mails")
    before = [await settings(world, names[each]) for each in both]
    async with Proxy(cloud.direct, on(meddle)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", proxy.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", proxy.url)
        async with debugger.attach(
            debugger.Place(), "shop", ["Orders", "Mails"], options, pace=pace
        ) as session:
            async for event in session:
                match event:
                    case debugger.SessionConnected():
                        for _ in range(20):  # far more requests than arming takes
                            assert [await settings(world, names[each]) for each in both] == before
                    case debugger.FunctionArmed(function=function):
                        armed.append(function)
                    case debugger.FunctionRefused(function=function):
                        refused.append(function)
                    case debugger.Attached():
                        async with asyncio.timeout(120):
                            await three.wait()
                        session.detach()
    assert (armed, refused) == ([names["Orders"]], [names["Mails"]])
    assert set(looked_at) == {f"/aws/lambda/{names['Orders']}"}
