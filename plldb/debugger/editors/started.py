"""Whether an editor has started this program under its own debugger. Pure.

VS Code's debugger (debugpy) and PyCharm's are both pydevd. Where it follows new processes, it has put its own
functions in the place of those that start them, and keeps the others under such names.
"""

from __future__ import annotations

import os


def is_followed() -> bool:
    """Whether a debugger follows this process into those that it starts: workers are debugged by it then."""
    return hasattr(os, "original_execv")
