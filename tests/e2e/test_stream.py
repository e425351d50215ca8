"""Every event of the stack reaches the console, the JSON output and the library, in order, once each."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, read_history, stack_events
from tests.support.template import RESOURCES

if TYPE_CHECKING:
    from tests.conftest import OpenClient, RunPlldb

ROW = re.compile(r"^\d\d:\d\d:\d\dZ (\S+) +(\S+) +([A-Z_]+)(?: |$)", re.MULTILINE)


def rows_of(history: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (each["LogicalResourceId"], each["ResourceType"].removeprefix("AWS::"), each["ResourceStatus"])
        for each in history
    ]


async def test_the_console_shows_every_event_of_a_setup_and_of_a_destroy(
    plldb_cli: RunPlldb, open_client: OpenClient
) -> None:
    setup = await plldb_cli("bootstrap", "setup", process=True)
    assert setup.code == 0, setup
    created = await read_history(open_client)
    assert len(created) >= 2 * RESOURCES
    assert ROW.findall(setup.stdout) == rows_of(created)

    destroy = await plldb_cli("bootstrap", "destroy")
    assert destroy.code == 0, destroy
    deleted = (await read_history(open_client, created[0]["StackId"]))[len(created) :]
    assert len(deleted) >= 2 * RESOURCES
    assert ROW.findall(destroy.stdout) == rows_of(deleted)


async def test_the_json_output_has_every_event_between_started_and_finished(
    plldb_cli: RunPlldb, open_client: OpenClient
) -> None:
    done = await plldb_cli("bootstrap", "setup", "--output", "json", process=True)
    assert done.code == 0, done
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (lines[0]["kind"], lines[-1]["kind"]) == ("started", "finished")
    assert {line["version"] for line in lines} == {1}
    told = [line for line in lines if line["kind"] == "stack_event"]
    history = await read_history(open_client)
    assert [line["event_id"] for line in told] == [each["EventId"] for each in history]
    assert [line["status"] for line in told] == [each["ResourceStatus"] for each in history]
    assert lines[-1]["result"] == "deployed"
    assert lines[-1]["deployment"]["websocket_url"].startswith("wss://")


async def test_the_library_yields_every_event_with_its_line_in_the_template(
    aws_env: dict[str, str], open_client: OpenClient
) -> None:
    events = await collect(bootstrap.setup(pace=BRISK))
    told = stack_events(events)
    history = await read_history(open_client)
    assert [event.event_id for event in told] == [each["EventId"] for each in history]
    assert [event.timestamp for event in told] == [each["Timestamp"] for each in history]
    assert all(event.started_by == "this_run" for event in told)
    lines = {event.logical_id: event.template_line for event in told if not event.is_stack}
    assert len(lines) == RESOURCES
    assert None not in lines.values()
    assert {event.status for event in told if event.seconds is not None} == {"CREATE_COMPLETE"}
    (finished,) = [event for event in events if isinstance(event, bootstrap.OperationFinished)]
    assert (finished.operation, finished.status, finished.started_by) == (
        "create",
        "CREATE_COMPLETE",
        "this_run",
    )


async def test_an_update_shows_its_own_events_only(
    plldb_cli: RunPlldb, open_client: OpenClient, aws_env: dict[str, str]
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    before = await read_history(open_client)
    told = stack_events(
        await collect(bootstrap.setup(options=bootstrap.SetupOptions(tags={"team": "payments"}), pace=BRISK))
    )
    after = (await read_history(open_client))[len(before) :]
    assert after
    assert [event.event_id for event in told] == [each["EventId"] for each in after]
