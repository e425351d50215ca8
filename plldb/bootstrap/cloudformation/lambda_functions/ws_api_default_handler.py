"""Lambda handler of the ``$default`` route. Pure.

Cargo: AWS runs it, plldb never imports it.
"""

import json
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer any message with a fixed body, which says nothing of what came in."""
    return {"statusCode": 200, "body": json.dumps({"status": "ok"})}
