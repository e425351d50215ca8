"""How to replay, as one value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plldb.debugger.attaching.options import check_port
from plldb.debugger.workers.project.layers import cached_layers
from plldb.debugger.workers.source import Project

NO_CREDENTIALS = {"AWS_EC2_METADATA_DISABLED": "true"}
"""Else boto3 would ask the machine for some, for seconds, or find those of an instance of EC2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How to replay.

    Attributes:
        code: folder of the code, or of the project.
        folders: folders of single functions, by logical id or name.
        variables: of the functions: recordings have none. Secret.
        python: interpreter for the functions; None for that of the project's environment.
        debug_port: where debuggers may connect on 127.0.0.1; 0 for a free port, None for none.
        wait: hold the first invocation until a debugger is there.
        own_credentials: functions run with the caller's own credentials instead of none.

    Raises:
        SettingsError: the port is no TCP port.
    """

    code: Path = Path()
    folders: Mapping[str, Path] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    python: Path | None = None
    debug_port: int | None = 5678
    wait: bool = False
    own_credentials: bool = False

    def __post_init__(self) -> None:
        check_port("ReplayOptions.debug_port", self.debug_port)

    @property
    def project(self) -> Project:
        """The same as workers take it."""
        return Project(
            folder=self.code,
            code=self.folders,
            python=self.python,
            variables=self.variables if self.own_credentials else {**NO_CREDENTIALS, **self.variables},
            own_credentials=self.own_credentials,
            layers=cached_layers,
        )


DEFAULT_REPLAY = ReplayOptions()
