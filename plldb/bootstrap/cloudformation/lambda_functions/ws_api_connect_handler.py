"""Lambda handler of the ``$connect`` route. Pure.

Cargo: AWS runs it, plldb never imports it.
"""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Accept the connection: any other status than 2xx would refuse it."""
    return {"statusCode": 200}
