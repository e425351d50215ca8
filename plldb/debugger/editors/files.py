"""Writes the entry into a ``launch.json``. Talks to the disk.

The file is replaced as a whole, so that a full disk leaves the old one; a link stays a link.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from plldb.debugger.editors.jsonc import JsoncError
from plldb.debugger.editors.launch import LaunchError, add_entry, new_file
from plldb.debugger.events.attach import LaunchEntry

BOM = "\ufeff"
_IN_VSCODE = Path(".vscode", "launch.json")


def find_file(folder: Path) -> Path:
    """Return the ``launch.json`` of a folder, or of one above it in its repository that has ``.vscode``."""
    folder, home = folder.resolve(), os.path.expanduser("~")  # Path.home() raises where there is none
    for each in (folder, *folder.parents):
        if (each / ".vscode").is_dir() and each != Path(home):  # there are the settings of VS Code itself
            return each / _IN_VSCODE
        if (each / ".git").exists():
            break
    return folder / _IN_VSCODE


def write_entry(file: Path, port: int) -> LaunchEntry:
    """Put the entry for a port into a file, which is made if it is not there; raises nothing."""
    try:
        return _write(file, port)
    except (LaunchError, JsoncError) as error:
        return LaunchEntry(file=str(file), change="refused", message=f"{error}.")
    except UnicodeDecodeError:
        return LaunchEntry(file=str(file), change="refused", message="it is not written in UTF-8.")
    except FileExistsError:
        return LaunchEntry(file=str(file), change="refused", message=f"{file.parent} is not a folder.")
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        why = getattr(error, "strerror", None) or str(error)
        return LaunchEntry(file=str(file), change="refused", message=f"{why}.")


def _write(file: Path, port: int) -> LaunchEntry:
    real = file.resolve()
    if not real.exists():
        real.parent.mkdir(parents=True, exist_ok=True)
        _replace(real, new_file(port))
        return LaunchEntry(file=str(file), change="created")
    with real.open("rb+") as opened:  # whether it may be written at all
        text = opened.read().decode()
    mark = BOM if text.startswith(BOM) else ""
    changed, change = add_entry(text.removeprefix(BOM), port)
    if change != "unchanged":
        _replace(real, mark + changed)
    return LaunchEntry(file=str(file), change=change)


def _replace(file: Path, text: str) -> None:
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(number, "wb") as temporary:
            temporary.write(text.encode())
        if file.exists():
            shutil.copymode(file, name)
        else:
            Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
