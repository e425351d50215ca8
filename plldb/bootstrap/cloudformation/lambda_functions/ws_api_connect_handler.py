"""Lambda handler of the ``$connect`` route: who may be connected. Talks to DynamoDB.

Cargo: AWS runs it, plldb never imports it.
"""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from claims import Agent, Claim, Developer, Nobody, claim_of
from replies import failed, place_of
from tables import Lease, admit, check_agent, open_client

open_client("dynamodb")  # while Lambda starts the function, with the whole CPU


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Admit a developer whose token is fresh and an agent of a borrowed function; refuse all others (403)."""
    try:
        admitted = is_admitted(claim_of(event), event["requestContext"]["connectionId"], context)
    except (BotoCoreError, ClientError) as error:
        return failed("$connect", error)
    return {"statusCode": 200 if admitted else 403}


def is_admitted(claim: Claim, connection: str, context: Any) -> bool:
    """Return whether the claim holds; a developer's token is consumed by that."""
    match claim:
        case Developer():
            return admit(claim.session, claim.token, connection, time.time())
        case Agent():
            function_arn = place_of(context).arn("lambda", f"function:{claim.function}")
            return isinstance(check_agent(function_arn, claim.token, time.time()), Lease)
        case Nobody():
            return False
