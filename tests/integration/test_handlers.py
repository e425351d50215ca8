"""Who is admitted, welcomed, refused and forgotten: the handlers against DynamoDB and STS of moto.

Moto has no connections of a WebSocket API, so what is sent to them ends at the proxy.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import pytest_asyncio

from plldb.debugger import wire
from tests.support.answers import access_denied
from tests.support.behaviours import Answer, Reset, Rule, first, on
from tests.support.environment import REGION
from tests.support.handlers import CONNECTION, context_in, event_of, importing_handlers
from tests.support.proxy import Proxy
from tests.support.wire import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import ModuleType

    from tests.conftest import OpenClient
    from tests.support.behaviours import Forward
    from tests.support.operations import Call

WHERE = ["headers.x-debug=me"]
SESSION = "AIDAEXAMPLE#0123456789abcdef0123456789abcdef"
LAPTOP = {"kind": "developer", "session": SESSION}
AGENT = {"kind": "agent", "function": "orders"}
DESK = "Desk_cTHDoECFYg="
EMPTY = (("Content-Length", "0"),)
GONE = (("Content-Length", "2"), ("x-amzn-ErrorType", "GoneException"))
Row = dict[str, dict[str, Any]]


def hashed(token: str) -> dict[str, str]:
    return {"S": hashlib.sha256(token.encode()).hexdigest()}


def text_of(call: Call) -> str:
    return (call.request.body or b"").decode()


def from_now(seconds: float) -> dict[str, str]:
    return {"N": str(int(time.time() + seconds))}


def holder(session: str = SESSION, where: list[str] = WHERE, until: float = 60) -> dict[str, Any]:
    """One that holds the function, as its row has it."""
    proof = {"S": wire.prove(wire.session_name(session), "k", where)}
    conditions = {"L": [{"S": each} for each in where]}
    return {
        "M": {"SessionId": {"S": session}, "LeaseUntil": from_now(until), "Proof": proof, "Where": conditions}
    }


@dataclass
class Cloud:
    """The handlers, the tables that they see, and what was sent to connections."""

    dynamodb: Any
    account: str
    proxy: Proxy
    load: Callable[[str], ModuleType]
    sent: list[tuple[str, str]] = field(default_factory=list)
    gone: bool = False

    async def run(self, route: str, event: dict[str, Any]) -> int:
        """The status code that a handler answers with; it answers nothing else."""
        module = await asyncio.to_thread(self.load, f"ws_api_{route}_handler")
        answer = await asyncio.to_thread(module.handler, event, context_in(self.account, REGION))
        assert set(answer) == {"statusCode"}
        return int(answer["statusCode"])

    async def say(self, said: dict[str, str], **message: Any) -> dict[str, Any]:
        """What comes back to a client that sends a message."""
        self.sent.clear()
        assert await self.run("default", event_of("$default", said=said, body=json.dumps(message))) == 200
        ((connection, text),) = self.sent
        assert connection == CONNECTION
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def knock(self, **headers: str) -> int:
        return await self.run(
            "connect", event_of("$connect", headers={f"x-plldb-{k}": v for k, v in headers.items()})
        )

    async def put_session(self, **row: dict[str, Any]) -> None:
        fresh = {"TokenHash": hashed("t"), "TokenAt": from_now(0), "ExpiresAt": from_now(60)}
        item: Row = {"SessionId": {"S": SESSION}, **fresh, **row}
        await self.dynamodb.put_item(TableName="PLLDBSessions", Item=item)

    async def put_lease(self, **row: dict[str, Any]) -> None:
        arn = f"arn:aws:lambda:{REGION}:{self.account}:function:orders"
        good: Row = {"AgentTokenHash": hashed("k"), "LeaseUntil": from_now(60), "Holders": {"L": [holder()]}}
        item = {"RequestId": {"S": f"fn#{arn}"}, **good, **row}
        await self.dynamodb.put_item(TableName="PLLDBDebugger", Item=item)

    async def session(self) -> Row:
        answer = await self.dynamodb.get_item(TableName="PLLDBSessions", Key={"SessionId": {"S": SESSION}})
        row: Row = answer["Item"]
        return row

    def use(self, *rules: Rule) -> None:
        """Set the rules of the proxy that come before its own."""
        self.proxy.use(*rules, on(Answer(self.take)))

    def take(self, call: Call) -> Response | None:
        """Stands for the connections of API Gateway."""
        if "/@connections/" not in call.request.target:
            return None
        if self.gone:
            return Response(status=410, reason="Gone", headers=GONE, body=b"{}")
        self.sent.append((unquote(call.request.target.rpartition("/")[2]), text_of(call)))
        return Response(status=200, reason="OK", headers=EMPTY, body=b"")


@pytest_asyncio.fixture
async def cloud(
    aws_env: dict[str, str], moto_server: str, account: str, open_client: OpenClient, monkeypatch: Any
) -> AsyncIterator[Cloud]:
    dynamodb = await open_client("dynamodb")
    for table, key in (("PLLDBSessions", "SessionId"), ("PLLDBDebugger", "RequestId")):
        await dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AGENT_ROLE_ARN", f"arn:aws:iam::{account}:role/agent")
    async with Proxy(moto_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        with importing_handlers() as load:
            cloud = Cloud(dynamodb=dynamodb, account=account, proxy=proxy, load=load)
            cloud.use()
            yield cloud


# --- $connect ---------------------------------------------------------------------------------------------


async def test_a_laptop_is_admitted_once_with_a_fresh_token(cloud: Cloud) -> None:
    await cloud.put_session()
    assert await cloud.knock(session=SESSION, token="t") == 200
    row = await cloud.session()
    assert row["Admitted"] == {"S": CONNECTION}
    assert not row.keys() & {"TokenHash", "ConnectionId"}  # nobody may send to it before it says hello
    other = event_of("$connect", headers={"x-plldb-session": SESSION, "x-plldb-token": "t"})
    other["requestContext"]["connectionId"] = DESK
    assert await cloud.run("connect", other) == 403


async def test_an_answer_that_was_lost_does_not_lock_a_laptop_out(cloud: Cloud) -> None:
    await cloud.put_session()
    cloud.use(on(Reset(forward=True), "UpdateItem", when=first(1)))
    assert await cloud.knock(session=SESSION, token="t") == 200


@pytest.mark.parametrize(
    "row",
    [
        {"TokenHash": hashed("another")},
        {"TokenAt": from_now(-90)},
        {"ExpiresAt": from_now(-1)},
        {"SessionId": {"S": "AIDAEXAMPLE#of-somebody-else"}},
    ],
    ids=["wrong token", "old token", "session over", "no such session"],
)
async def test_a_laptop_without_a_valid_token_is_refused(cloud: Cloud, row: Row) -> None:
    await cloud.put_session(**row)
    assert await cloud.knock(session=SESSION, token="t") == 403
    items = (await cloud.dynamodb.scan(TableName="PLLDBSessions"))["Items"]
    assert [item.get("Admitted") for item in items] == [None]


async def test_a_good_token_opens_no_other_door(cloud: Cloud) -> None:
    other = "AIDAOTHER#00"
    await cloud.put_session()
    await cloud.put_session(SessionId={"S": other}, TokenHash=hashed("u"))
    await cloud.put_lease()
    arn = f"fn#arn:aws:lambda:{REGION}:{cloud.account}:function:mails"
    await cloud.put_lease(RequestId={"S": arn}, AgentTokenHash=hashed("m"))
    for claim in (
        {"session": SESSION, "token": "u"},
        {"session": SESSION, "token": "k"},
        {"session": SESSION, "token": hashed("t")["S"]},
        {"function": "orders", "token": "m"},
        {"function": "orders", "token": "t"},
        {"function": "orders", "token": hashed("k")["S"]},
    ):
        assert await cloud.knock(**claim) == 403
    # Nor does a connection that was let in as one of them speak for the other.
    hello = {"action": "hello", "v": 4, "n": "a"}
    assert (await cloud.say({"kind": "agent", "function": "mails"}, **hello, k="k"))["why"] == "token"
    assert (await cloud.say(LAPTOP, **hello, k="k"))["why"] == "token"
    assert (await cloud.say({**LAPTOP, "session": other}, **hello))["why"] == "token"
    assert await cloud.knock(session=SESSION, token="t") == 200, "none of that has used it up"


@pytest.mark.parametrize(
    ("row", "status"),
    [({}, 200), ({"AgentTokenHash": hashed("old")}, 403), ({"LeaseUntil": from_now(-1)}, 403)],
    ids=["lease", "token of an earlier lease", "lease over"],
)
async def test_an_agent_is_admitted_as_long_as_its_function_is_held(
    cloud: Cloud, row: Row, status: int
) -> None:
    await cloud.put_session(ConnectionId={"S": DESK})
    assert await cloud.knock(function="orders", token="k") == 403
    await cloud.put_lease(**row)
    assert await cloud.knock(function="orders", token="k") == status
    assert await cloud.knock(function="other", token="k") == 403


async def test_an_agent_hears_at_its_connection_that_no_laptop_is_there(cloud: Cloud) -> None:
    await cloud.put_lease()
    assert await cloud.knock(function="orders", token="k") == 409
    assert await cloud.knock(function="orders", token="wrong") == 403
    for row, status in (
        ({}, 409),  # admitted, but it has not said hello
        ({"ConnectionId": {"S": DESK}, "ExpiresAt": from_now(-1)}, 409),
        ({"ConnectionId": {"S": DESK}}, 200),
        ({"ConnectionId": {"S": DESK}, "Detached": {"BOOL": True}}, 200),  # answers may be due
    ):
        await cloud.put_session(**row)
        assert await cloud.knock(function="orders", token="k") == status


# --- hello ------------------------------------------------------------------------------------------------


async def test_hello_makes_the_connection_known(cloud: Cloud) -> None:
    await cloud.put_session()
    assert (await cloud.say(LAPTOP, action="hello", v=4, n="a"))["why"] == "token"
    assert await cloud.knock(session=SESSION, token="t") == 200
    welcome = await cloud.say(LAPTOP, action="hello", v=4, n="a")
    now = welcome.pop("now")
    assert abs(now - time.time()) < 30
    assert welcome == {"t": "welcome", "v": 4, "n": "a", "me": CONNECTION}
    assert (await cloud.session())["ConnectionId"] == {"S": CONNECTION}
    again = await cloud.say(LAPTOP, action="hello", v=4, n="b" * 65)  # as often as it likes
    assert (again["t"], again["n"]) == ("welcome", "")  # what is longer than a nonce is not echoed


@pytest.mark.parametrize("version", [1, 0, "2", None, 10**400])
async def test_another_version_of_the_protocol_is_refused_with_both(cloud: Cloud, version: Any) -> None:
    refused = await cloud.say(LAPTOP, action="hello", v=version, n="a")
    yours = version if isinstance(version, int) else None
    assert refused == {"t": "refused", "v": 4, "n": "a", "why": "protocol", "yours": yours}


async def test_an_agent_learns_where_its_laptop_is_and_may_send_to_it(cloud: Cloud) -> None:
    await cloud.put_lease()
    await cloud.put_session()
    alone = await cloud.say(AGENT, action="hello", v=4, n="a", k="k")
    assert [each["peer"] for each in alone["laptops"]] == [None]
    assert "creds" not in alone
    assert alone["laptops"][0]["session"] == hashlib.sha256(SESSION.encode()).hexdigest()[:32]
    assert 0 < alone["lease"] - time.time() <= 60

    await cloud.put_session(ConnectionId={"S": DESK})
    asked: list[str] = []

    async def note(call: Call, forward: Forward) -> Response:
        asked.append(unquote(text_of(call)))
        return await forward(call)

    cloud.use(on(note, "sts"))
    welcome = await cloud.say(AGENT, action="hello", v=4, n="a", k="k")
    name = wire.session_name(SESSION)
    proof = wire.prove(name, "k", WHERE)
    there = {"session": name, "where": WHERE, "proof": proof, "peer": DESK, "detached": False}
    assert welcome["laptops"] == [there]
    assert len(welcome["creds"]) == 3
    assert 600 < welcome["until"] - time.time() <= 900
    (question,) = asked
    assert "/live/POST/@connections/Desk_cTHDoECFYg*" in question.replace("+", " ")
    assert "DurationSeconds=900" in question
    assert "RoleSessionName=orders" in question

    # What an agent has sent there is still answered; what comes now is for the deployed code.
    await cloud.put_session(ConnectionId={"S": DESK}, Detached={"BOOL": True})
    welcome = await cloud.say(AGENT, action="hello", v=4, n="a", k="k")
    assert (welcome["laptops"], len(welcome["creds"])) == ([there | {"detached": True}], 3)

    await cloud.put_session(ConnectionId={"S": DESK}, ExpiresAt=from_now(-1))
    assert (await cloud.say(AGENT, action="hello", v=4, n="a", k="k"))["laptops"][0]["peer"] is None


async def test_two_with_different_conditions_are_named_in_the_order_of_joining(cloud: Cloud) -> None:
    other, gone = "AIDAOTHER#00", "AIDAGONE#00"
    there = ["headers.x-debug=other"]
    three = [holder(), holder(gone, ["a=b"], until=-1), holder(other, there)]
    await cloud.put_lease(Holders={"L": three})
    assert await cloud.knock(function="orders", token="k") == 409
    await cloud.put_session(SessionId={"S": gone}, ConnectionId={"S": "Gone="})
    assert await cloud.knock(function="orders", token="k") == 409, "its own lease is over"
    await cloud.put_session(SessionId={"S": other}, ConnectionId={"S": DESK})
    assert await cloud.knock(function="orders", token="k") == 200

    welcome = await cloud.say(AGENT, action="hello", v=4, n="a", k="k")
    names = [wire.session_name(SESSION), wire.session_name(other)]
    assert [each["session"] for each in welcome["laptops"]] == names
    assert [each["where"] for each in welcome["laptops"]] == [WHERE, there]
    assert [each["peer"] for each in welcome["laptops"]] == [None, DESK]
    for each in welcome["laptops"]:
        assert each["proof"] == wire.prove(each["session"], "k", each["where"])
    assert await relay(cloud, AGENT, "k", "frame", session=other) == [(DESK, "frame")]
    assert await relay(cloud, AGENT, "k", "frame", session=gone) == []

    await cloud.put_lease(Holders={"L": [holder(until=-1)]})
    assert (await cloud.say(AGENT, action="hello", v=4, n="a", k="k"))["laptops"] == []


async def test_an_agent_is_told_why_it_is_refused(cloud: Cloud) -> None:
    hello = {"action": "hello", "v": 4, "n": "a", "k": "k"}
    assert (await cloud.say(AGENT, **hello))["why"] == "lease"
    await cloud.put_lease(AgentTokenHash=hashed("of the next"))
    assert await cloud.say(AGENT, **hello) == {"t": "refused", "v": 4, "n": "a", "why": "token"}
    await cloud.put_lease(LeaseUntil=from_now(-1))
    assert (await cloud.say(AGENT, **hello))["why"] == "lease"
    assert (await cloud.say({"kind": "nobody"}, **hello))["why"] == "token"


# --- the row of a function whose lease has ended ---------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "there", "left"),
    [
        ({"Version": {"S": "1"}}, {"Version": {"S": "1"}}, 0),
        ({"Version": {"S": "1"}}, {"Version": {"S": "2"}}, 1),
        ({}, {"Version": {"S": "1"}}, 1),
        ({}, {}, 0),  # of an earlier version of plldb
        ({}, {"LeaseUntil": {"N": "200"}}, 1),
    ],
    ids=["as read", "written since", "joined since", "of before", "of before, written since"],
)
async def test_the_row_goes_unless_it_was_written_since(
    cloud: Cloud, read: Row, there: Row, left: int
) -> None:
    key = {"RequestId": {"S": "fn#orders"}, "LeaseUntil": {"N": "100"}}
    await cloud.put_lease(**(key | there))
    module = await asyncio.to_thread(cloud.load, "lease_reaper_handler")
    assert await asyncio.to_thread(module.forget, module.ended_of(key | read))
    assert (await cloud.dynamodb.scan(TableName="PLLDBDebugger"))["Count"] == left


# --- relay, $disconnect, failures -------------------------------------------------------------------------


async def relay(
    cloud: Cloud, said: dict[str, str], token: str, frame: object, session: str = SESSION
) -> list[tuple[str, str]]:
    cloud.sent.clear()
    told = {"k": token, "s": wire.session_name(session), "d": frame}
    body = json.dumps({"action": "relay", "v": 4, **told})
    assert await cloud.run("default", event_of("$default", said=said, body=body)) == 200
    return [*cloud.sent]


async def test_a_frame_is_relayed_to_the_laptop_of_the_function_and_to_no_other(cloud: Cloud) -> None:
    await cloud.put_lease()
    assert await relay(cloud, AGENT, "k", "frame") == []  # nobody is there
    await cloud.put_session(ConnectionId={"S": DESK})
    assert await relay(cloud, AGENT, "k", "frame") == [(DESK, "frame")]
    assert await relay(cloud, AGENT, "wrong", "frame") == []
    assert await relay(cloud, LAPTOP, "k", "frame") == []
    assert await relay(cloud, AGENT, "k", "frame", session="another") == []
    assert await relay(cloud, {**AGENT, "function": "other"}, "k", "frame") == []
    for frame in ("", "x" * 30_001, None, {"a": 1}):
        assert await relay(cloud, AGENT, "k", frame) == []
    cloud.gone = True
    assert await relay(cloud, AGENT, "k", "frame") == []


async def test_a_laptop_that_is_gone_is_forgotten_unless_it_is_back(cloud: Cloud) -> None:
    gone = event_of("$disconnect", said=LAPTOP)
    await cloud.put_session(ConnectionId={"S": DESK})
    assert await cloud.run("disconnect", gone) == 200
    assert (await cloud.session())["ConnectionId"] == {"S": DESK}
    await cloud.put_session(ConnectionId={"S": CONNECTION})
    assert await cloud.run("disconnect", gone) == 200
    assert "ConnectionId" not in await cloud.session()


async def test_what_aws_refuses_is_logged_by_its_code_only(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    await cloud.put_session()
    cloud.use(on(Answer(access_denied), "UpdateItem"))
    assert await cloud.knock(session=SESSION, token="t") == 500
    (line,) = [record.getMessage() for record in caplog.records if record.name == "root"]
    assert line == "$connect failed at UpdateItem: AccessDenied"
