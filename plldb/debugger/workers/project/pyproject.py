"""What a project's pyproject.toml says of the code of its functions. Talks to the disk."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from plldb.debugger.errors import SourceError
from plldb.errors import Hint

NAME = "pyproject.toml"


def code_in_pyproject(folder: Path) -> Mapping[str, Path]:
    """Return the folders that the table ``tool.plldb.code`` names, by name or logical id of a function.

    Raises:
        SourceError: the file cannot be read, or the table names no folders.
    """
    path = folder / NAME
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("plldb", {}).get("code", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        hint = Hint("fix-argument", "Correct it, or attach in another folder.")
        raise SourceError(f"{path} cannot be read: {error}", hint=hint) from error
    if not isinstance(table, dict):
        raise _wrong(path, f"tool.plldb.code is {table!r}")
    for function, code in table.items():
        if not isinstance(code, str) or not (folder / code).is_dir():
            raise _wrong(path, f"{function} = {code!r} in tool.plldb.code is no folder")
    return {str(function): (folder / code).resolve() for function, code in table.items()}


def _wrong(path: Path, what: str) -> SourceError:
    hint = Hint("fix-argument", 'Name folders by functions: [tool.plldb.code], then Orders = "src/orders".')
    return SourceError(f"{path}: {what}.", hint=hint)
