"""Lambda handler of the ``$disconnect`` route. Pure.

Cargo: AWS runs it, plldb never imports it.
"""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Take note of nothing: the connection is gone already, and API Gateway ignores the answer."""
    return {"statusCode": 200}
