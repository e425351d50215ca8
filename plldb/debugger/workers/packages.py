"""The packages that workers have from plldb's own installation. Talks to the disk."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

OF_RUNTIME = ("awslambdaric", "simplejson", "snapshot_restore_py")
"""Lambda's own runtime, which is loaded before anything of the project."""
OF_DEBUGGER = ("debugpy",)
BEHIND = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""What a managed runtime brings besides, for a project that does not bring it. Nothing else of plldb's
installation can be seen by a function."""


@cache
def find_packages() -> dict[str, str]:
    """Return the folder in which each of the packages lies; one that is not installed is left out."""
    found = {}
    for name in (*OF_RUNTIME, *OF_DEBUGGER, *BEHIND):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            path = Path(spec.origin)
            found[name] = str(path.parent.parent if path.name == "__init__.py" else path.parent)
    return found
