"""Where the WebSocket API of the deployed stack is reached. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def websocket_address(url: str, endpoint_url: str | None) -> str:
    """Return where to connect to.

    Args:
        url: what the stack says: ``wss://<api id>.execute-api.<region>.<domain>/<stage>``.
        endpoint_url: of an emulator, or None. Emulators serve all APIs below one path of their own.
    """
    if endpoint_url is None:
        return url
    api, emulator = urlsplit(url), urlsplit(endpoint_url)
    api_id = (api.hostname or "").partition(".")[0]
    scheme = "wss" if emulator.scheme == "https" else "ws"
    return urlunsplit((scheme, emulator.netloc, f"/_aws/execute-api/{api_id}{api.path}", "", ""))


def management_address(websocket: str) -> str:
    """Return where ``@connections`` of the API at a `websocket_address` is."""
    return websocket.replace("ws", "http", 1)
