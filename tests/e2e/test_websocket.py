"""What was set up works: a WebSocket client connects, sends, gets an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import websockets

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, list_rest, read_code, read_outputs
from tests.support.copies import Copy
from tests.support.servers import websocket_address

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import OpenClient, RunPlldb

ROUTES = ("authorize", "connect", "default", "disconnect")


async def talk(address: str, message: str) -> object:
    async with websockets.connect(address) as connection:
        await connection.send(message)
        return json.loads(await connection.recv())


async def test_a_client_connects_without_any_header_and_gets_an_answer(
    aws_env: dict[str, str], ministack: str, open_client: OpenClient
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    address = websocket_address(ministack, (await read_outputs(open_client))["WebSocketUrl"])
    assert await talk(address, '{"action": "hello"}') == {"status": "ok"}
    assert await talk(f"{address}?token=x", "no JSON at all") == {"status": "ok"}


async def test_a_changed_handler_changes_its_function_alone_and_what_clients_get(
    plldb_cli: RunPlldb, ministack: str, open_client: OpenClient, tmp_path: Path
) -> None:
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    outputs, before = await read_outputs(open_client), await read_code(open_client)
    assert sorted(before) == [f"plldb-ws-api-{route}" for route in ROUTES]
    copy = Copy(tmp_path / "copy")
    copy.edit_handler("default", '"ok"', '"changed"')

    done = await plldb_cli("bootstrap", "setup", env=copy.env)
    assert done.code == 0, done
    assert "uploaded ws_api_default_handler; 3 unchanged" in done.stdout
    after = await read_code(open_client)
    changed = {name for name in after if after[name][0] != before[name][0]}
    assert changed == {"plldb-ws-api-default"}
    assert await read_outputs(open_client) == outputs  # the API is still the same one
    address = websocket_address(ministack, outputs["WebSocketUrl"])
    assert await talk(address, "{}") == {"status": "changed"}


async def test_destroy_leaves_nothing_of_what_a_client_has_used(
    plldb_cli: RunPlldb, ministack: str, open_client: OpenClient
) -> None:
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    address = websocket_address(ministack, (await read_outputs(open_client))["WebSocketUrl"])
    assert await talk(address, "{}") == {"status": "ok"}
    kinds = {"tables", "functions", "roles", "log groups", "APIs", "buckets", "stacks"}
    assert set(await list_rest(open_client)) == kinds

    done = await plldb_cli("bootstrap", "destroy", "--yes")
    assert done.code == 0, done
    assert await list_rest(open_client) == {}
