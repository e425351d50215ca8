"""Lambda handler of the REQUEST authorizer on ``$connect``. Pure.

Cargo: AWS runs it, plldb never imports it.
"""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Let every request in, with or without headers or query string.

    An authorizer of a WebSocket API answers with an IAM policy. This one allows the one route that was
    asked for (``methodArn``) and nothing wider.
    """
    return {
        "principalId": "plldb",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
            ],
        },
    }
