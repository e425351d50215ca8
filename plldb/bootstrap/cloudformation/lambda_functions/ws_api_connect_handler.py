"""Lambda handler of the ``$connect`` route: who may be connected. Talks to DynamoDB.

Cargo: AWS runs it, plldb never imports it.
"""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from claims import Agent, Claim, Developer, Nobody, claim_of
from replies import failed, place_of
from tables import Lease, admit, check_agent, find_laptop, open_client

ADMITTED, REFUSED = 200, 403

NOBODY = 409
"""No laptop is attached: `plldb.debugger.agent.sockets.NOBODY`. API Gateway itself gives no such answer."""

open_client("dynamodb")  # while Lambda starts the function, with the whole CPU


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Admit a developer whose token is fresh and an agent of a function that is held; refuse all others."""
    try:
        status = judge(claim_of(event), event["requestContext"]["connectionId"], context)
    except (BotoCoreError, ClientError) as error:
        return failed("$connect", error)
    return {"statusCode": status}


def judge(claim: Claim, connection: str, context: Any) -> int:
    """Return the status that a claim is answered with; a developer's token is consumed by that."""
    match claim:
        case Developer():
            return ADMITTED if admit(claim.session, claim.token, connection, time.time()) else REFUSED
        case Agent():
            return judge_agent(place_of(context).arn("lambda", f"function:{claim.function}"), claim.token)
        case Nobody():
            return REFUSED


def judge_agent(function_arn: str, token: str) -> int:
    """Return the status for an agent. It hears at once that nobody is there: a cold start waits for that."""
    now = time.time()
    lease = check_agent(function_arn, token, now)
    if not isinstance(lease, Lease):
        return REFUSED
    return ADMITTED if any(find_laptop(each.session, now) for each in lease.holders) else NOBODY
