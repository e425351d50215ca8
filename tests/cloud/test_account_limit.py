"""More invocations than an account may have at a time: some are refused, some come later, each runs once."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from tests.cloud.functions import connect_queue, create, eventually, invoke, until
from tests.cloud.shop import ACCOUNT, attached

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

# A number below 100 is an invocation that lasts until there is a file.
LOCAL = """
import os, time
from pathlib import Path
here = Path(__file__).parent
RAN = os.open(here / "ran", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def handler(event, context):
    numbers = [int(each["body"]) for each in event["Records"]] if isinstance(event, dict) else [event]
    os.write(RAN, "".join(f"{number}\\n" for number in numbers).encode())
    while min(numbers) < 100 and not (here / "go").exists():
        time.sleep(0.02)
    return "laptop"
"""
DEPLOYED = """
def handler(event, context):
    for number in [each["body"] for each in event["Records"]] if isinstance(event, dict) else [event]:
        print("deployed", number)
    return "deployed"
"""
HELD, MORE, MESSAGES = range(10), range(20, 28), range(100, 110)


@pytest.fixture
def account() -> str:
    """One account for all that has the stack ``shop``."""
    return ACCOUNT


async def test_what_is_refused_or_comes_later_runs_once(
    world: World, aws_env: dict[str, str], folder: Path, cloud: Cloud, open_client: OpenClient
) -> None:
    (folder / "app.py").write_text(LOCAL)
    (folder / "ran").touch()
    once = Config(retries={"total_max_attempts": 1}, max_pool_connections=30)
    functions = await open_client("lambda", config=once)
    name = await create(functions, DEPLOYED, Timeout=60)
    queue = await connect_queue(open_client, name, seconds=5)

    async def ask(number: int) -> str:
        try:
            return str(await invoke(functions, name, number))
        except functions.exceptions.TooManyRequestsException:
            return "refused"

    def run() -> dict[str, list[int]]:
        logs = "".join(box.log for box in cloud.sandboxes(name))
        found = {
            "laptop": (folder / "ran").read_text(),
            "deployed": "".join(re.findall(r"deployed (\d+\n)", logs)),
        }
        return {who: [int(number) for number in text.split()] for who, text in found.items()}

    async with attached(aws_env, folder, name, "--no-debug") as session:
        await session.read_until("attached")
        held = []
        for number in HELD:
            held.append(asyncio.create_task(ask(number)))
            await until(lambda: len(run()["laptop"]) == len(held))
        cloud.limit(len(HELD))
        more = [asyncio.create_task(ask(number)) for number in MORE]
        for number in MESSAGES:
            await queue.send_message(QueueUrl=name, MessageBody=str(number))

        async def taken() -> bool:
            asked = {"QueueUrl": name, "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}
            told = await queue.get_queue_attributes(**asked)
            return int(told["Attributes"]["ApproximateNumberOfMessagesNotVisible"]) > 0

        await until(lambda: all(task.done() for task in more))
        await eventually(taken, expected=True)
        assert not {*MESSAGES} & {*run()["laptop"], *run()["deployed"]}
        # None is refused any more, and none comes a second time however long it takes on a busy machine.
        cloud.limit(1000)
        hidden = {"QueueUrl": name, "Attributes": {"VisibilityTimeout": "900"}}
        await queue.set_queue_attributes(**hidden)
        (folder / "go").touch()
        await until(lambda: {*MESSAGES} <= {*run()["laptop"], *run()["deployed"]})
        answers = dict(zip((*HELD, *MORE), await asyncio.gather(*held, *more), strict=True))
        code, last = await session.end()
    assert [answers[number] for number in HELD] == ["laptop"] * len(HELD)
    refused = [number for number, answer in answers.items() if answer == "refused"]
    assert refused == [*MORE]
    ran = run()
    assert Counter(ran["laptop"] + ran["deployed"]) == Counter({*answers, *MESSAGES} - {*refused})
    for who, numbers in ran.items():
        assert {answers[number] for number in numbers if number in answers} <= {who}
    assert (code, last["failed"]) == (0, 0)
    print({who: len(numbers) for who, numbers in ran.items()}, len(refused), "refused")
