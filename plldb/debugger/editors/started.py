"""Whether an editor has started this program under its own debugger. Pure.

VS Code's debugger (debugpy) and PyCharm's are both pydevd. Where it follows new processes, it has put its own
functions in the place of those that start them.
"""

from __future__ import annotations

import os
import sys


def is_followed() -> bool:
    """Whether a debugger follows this process into those that it starts: workers are debugged by it then."""
    if not {"pydevd", "_pydevd_bundle"} & sys.modules.keys():
        return False
    if hasattr(os, "original_fork"):
        return True
    return hasattr(sys.modules.get("_winapi"), "original_CreateProcess")
