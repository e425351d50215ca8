"""Lambda handler of the ``$disconnect`` route: a developer is gone. Talks to DynamoDB.

Cargo: AWS runs it, plldb never imports it.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from claims import is_session
from replies import failed
from tables import forget, open_client

open_client("dynamodb")  # while Lambda starts the function, with the whole CPU


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Take the connection out of its session. API Gateway calls this if it can, and ignores the answer."""
    request = event["requestContext"]
    said = request.get("authorizer") or {}
    try:
        if said.get("kind") == "developer" and is_session(said.get("session")):
            forget(said["session"], request["connectionId"])
    except (BotoCoreError, ClientError) as error:
        return failed("$disconnect", error)
    return {"statusCode": 200}
