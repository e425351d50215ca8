"""The errors of the debugger. Pure.

::

    PlldbError
    └── DebuggerError              something about debugging
        ├── NotSetUpError          plldb's infrastructure is not there, or too old
        ├── NoFunctionsError       there is no function to act on
        │   └── AmbiguousNameError     a name means several functions, or a function and a stack
        ├── SourceError            a function's code, or a Python to run it, is not on this machine
        │   ├── NoCodeError            no folder has the handler of a function; one can be named
        │   ├── SeveralFoldersError    several folders fit, and nothing decides between them
        │   └── InlineCodeError        the code is in the template itself, in no file of its own
        ├── ConditionError         a condition on events says nothing that could be asked
        ├── RecordingError         a file is no recording of an invocation
        ├── PortError              a debugger cannot attach on this port
        ├── RefusedError           the deployed API does not let this session in
        └── ProtocolError          the deployed API is of another version of plldb
"""

from __future__ import annotations

from pathlib import Path

from plldb.errors import Hint, PlldbError

__all__ = [
    "AmbiguousNameError",
    "ConditionError",
    "DebuggerError",
    "InlineCodeError",
    "NoCodeError",
    "NoFunctionsError",
    "NotSetUpError",
    "PortError",
    "ProtocolError",
    "RecordingError",
    "RefusedError",
    "SeveralFoldersError",
    "SourceError",
]


class DebuggerError(PlldbError):
    """Something about debugging that a person can act on."""

    code = "debugger"


class NotSetUpError(DebuggerError):
    """The infrastructure of plldb is not in this account and region, or was made by an older version."""

    code = "not-set-up"


class NoFunctionsError(DebuggerError):
    """There is no function to act on: no such stack, no such function in it, or none that can be debugged."""

    code = "no-functions"


class AmbiguousNameError(NoFunctionsError):
    """A name means several functions, or a function of one stack and another stack."""

    code = "ambiguous-name"


class SourceError(DebuggerError):
    """The code of a function, or a Python to run it, is not where it was looked for on this machine."""

    code = "source"


class NoCodeError(SourceError):
    """No folder of the project has the file of a function's handler, and one can be named that has it."""

    code = "no-code"


MOST_NAMED = 5
"""Folders that an error names."""


class SeveralFoldersError(SourceError):
    """The handler of a function is in several folders, and nothing decides between them.

    Attributes:
        handler: the one that was looked for.
        folders: those that fit, below the project's.
    """

    code = "several-folders"

    def __init__(
        self,
        function: str,
        handler: str,
        root: Path,
        folders: tuple[str, ...],
        *,
        as_deployed: bool | None = None,
    ) -> None:
        self.handler = handler
        self.folders = folders
        how = {None: "", True: ", as it is deployed", False: ", in none of them as it is deployed"}
        more = f" and {len(folders) - MOST_NAMED} more" if len(folders) > MOST_NAMED else ""
        super().__init__(
            f"The handler {handler} of {function} is in several folders of {root}{how[as_deployed]}: "
            f"{', '.join(folders[:MOST_NAMED])}{more}. "
            "The table [tool.plldb.code] of pyproject.toml can name one.",
            hint=Hint("fix-argument", f"Name the folder of the code of {function}."),
        )


class InlineCodeError(SourceError):
    """The code of a function is in the template itself, in no file of its own."""

    code = "inline-code"


class ConditionError(DebuggerError):
    """A condition on events says nothing that could be asked; the message names it and the shape."""

    code = "condition"


class RecordingError(DebuggerError):
    """A file is no recording of an invocation, cannot be read, or is damaged; the message names it."""

    code = "recording"


class PortError(DebuggerError):
    """The port for a debugger is taken, or may not be used."""

    code = "port"


class RefusedError(DebuggerError):
    """The deployed API does not let this session in: its row is gone, or was written by somebody else."""

    code = "refused"


class ProtocolError(DebuggerError):
    """The deployed API is of another version of plldb, and neither understands the other."""

    code = "protocol"
