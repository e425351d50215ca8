"""What sandboxes are made of: AWS's emulator, Pythons, what the runtimes bring. Talks to a package index.

All of it lies in the repository's ``.cache`` and is used again.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.support.servers import ServerError, find_uv

_CACHE = Path(__file__).parents[3] / ".cache" / "test-cloud"
_RUNTIME = Path(__file__).parent / "runtime"
# Licensed under Apache-2.0; the wheel has the emulator for both processors, no sdist has.
_EMULATOR = "aws-sam-cli==1.170.0"
# What the newest managed runtimes bring; an older Python gets the newest that still supports it.
_PACKAGES = ("awslambdaric", "boto3")


def find_obstacle() -> str | None:
    """Why no sandbox can run here; None if one can."""
    if sys.platform != "linux":
        return "sandboxes need Linux"
    as_root = () if os.getuid() == 0 else ("-Ur",)
    separate = ("unshare", *as_root, "--mount", "--pid", "--fork", "--kill-child")
    try:
        tried = subprocess.run(
            [*separate, "mount", "-t", "proc", "proc", "/proc"], capture_output=True, text=True
        )
    except OSError as error:
        return f"sandboxes need the program unshare of util-linux ({error.strerror})"
    return (
        f"sandboxes need Linux namespaces, as root or as a user who may make them ({tried.stderr.strip()})"
        if tried.returncode
        else None
    )


def find_emulator() -> Path:
    """The Runtime Interface Emulator for this processor."""
    processor = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    folder = _made(_EMULATOR, "--no-deps", _EMULATOR)
    return folder / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{processor}"


def find_python(version: str) -> dict[str, Any] | None:
    """One managed runtime: version, /var/lang and /var/runtime; None if there is no such Python here."""
    if not (prefix := _find_prefix(version)):
        return None
    # Compiled, as on AWS: a sandbox cannot write there, and each cold start would compile boto3 anew.
    how = ("--compile-bytecode", "--python", f"{prefix}/bin/python{version}")
    folder = _made(f"compiled-runtime-{version}", *how, *_PACKAGES)
    for name in ("bootstrap", "bootstrap.py"):
        # In one step, too: sandboxes of this and of other test runs start from it meanwhile.
        unfinished = folder / f"{name}.{uuid.uuid4().hex}"
        shutil.copy(_RUNTIME / name, unfinished)
        unfinished.rename(folder / name)
    return {"version": version, "lang": prefix, "runtime": str(folder)}


def _find_prefix(version: str) -> str | None:
    """Where a Python is installed, be it one of pyenv that is not selected."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    name = f"python{version}"
    for python in (sys.executable, name, *map(str, sorted(versions.glob(f"{version}.*/bin/{name}")))):
        code = f"import sys; print(sys.base_prefix if sys.version.startswith('{version}.') else '')"
        try:
            done = subprocess.run([python, "-c", code], capture_output=True, text=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0 and (prefix := done.stdout.strip()):
            return prefix
    return None


def _made(name: str, *arguments: str) -> Path:
    folder = _CACHE / name
    if not folder.exists():
        # In one step, so that an interrupted installation is not taken for a finished one.
        unfinished = _CACHE / f"{name}.{os.getpid()}"
        _run("pip", "install", "--quiet", "--target", str(unfinished), *arguments)
        try:
            unfinished.rename(folder)
        except OSError:  # another test run was faster
            shutil.rmtree(unfinished)
    return folder


def _run(*arguments: str) -> str:
    done = subprocess.run([*find_uv(), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise ServerError(f"uv {' '.join(arguments)} failed: {done.stderr}")
    return done.stdout.strip()
