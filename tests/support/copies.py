"""A copy of the package plldb that a test may change, as another plldb. Talks to the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import plldb

CARGO = Path("plldb", "bootstrap", "cloudformation")


class Copy:
    """The package in a folder of its own; ``env`` makes ``python -m plldb`` use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        package = Path(plldb.__file__).parent
        # With what is compiled of it, which stays good: the copies are as old as the files.
        shutil.copytree(package, folder / "plldb")

    @property
    def env(self) -> dict[str, str | None]:
        """What to add to the environment: coverage must not look for files that are gone after the test."""
        off: dict[str, str | None] = {"COVERAGE_PROCESS_CONFIG": None, "COVERAGE_PROCESS_START": None}
        return {"PYTHONPATH": str(self._folder), **off}

    def handler(self, name: str) -> Path:
        """The source of a handler, for example ``default``."""
        return self._folder / CARGO / "lambda_functions" / f"ws_api_{name}_handler.py"

    def edit_handler(self, name: str, old: str, new: str) -> None:
        """Replace a text in a handler; it must be there."""
        source = self.handler(name).read_text()
        assert old in source
        self.handler(name).write_text(source.replace(old, new))

    def add_resource(self, logical_id: str, kind: str, **properties: str) -> None:
        """Give the template one resource more."""
        lines = [f"  {logical_id}:", f"    Type: {kind}", "    Properties:"]
        lines += [f"      {name}: {value}" for name, value in properties.items()]
        path = self._folder / CARGO / "template.yaml"
        text = path.read_text()
        assert text.count("\nOutputs:\n") == 1
        path.write_text(text.replace("\nOutputs:\n", "\n".join(["", *lines, "", "Outputs:", ""])))
