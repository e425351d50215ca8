"""Sessions of aiobotocore for tests, which read botocore's models once for all of them. Talks to the disk."""

from __future__ import annotations

from typing import Any

from aiobotocore.session import get_session
from botocore.loaders import create_loader

_MODELS = create_loader()


def make_session() -> Any:
    """A session that finds its settings as botocore does. Its stubs know services by literal names only."""
    session = get_session()
    session.register_component("data_loader", _MODELS)
    return session
