"""Lambda handler of the REQUEST authorizer on ``$connect``. Pure.

Cargo: AWS runs it, plldb never imports it.
"""

from __future__ import annotations

from typing import Any

from claims import claim_of, context_of


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Let every request in, and say who it claims to be: ``$connect`` decides who may stay.

    An authorizer of a WebSocket API answers with an IAM policy. This one allows the one route that was
    asked for (``methodArn``) and nothing wider. The context comes with every later event of the connection.
    """
    said = context_of(claim_of(event))
    return {
        "principalId": said["kind"],
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
            ],
        },
        "context": said,
    }
