"""Builds a release, checks it on every supported Python, and tags it. Talks to git, processes, MiniStack.

Publishes nothing: what is left to do is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from tests.support.environment import Credentials, aws_settings, invent_account, isolated
from tests.support.servers import ministack

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
UV = (sys.executable, "-m", "uv")
PYTHON_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")
# What a wheel may hold besides the package, and what an sdist must hold.
METADATA = re.compile(r"plldb-[^/]+\.dist-info/")
IN_SDIST = (
    "plldb/__init__.py",
    "tests/conftest.py",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "pyproject.toml",
)


class ReleaseError(Exception):
    """The release cannot be made; the message says why."""


def main() -> int:
    """Make the release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="do not tag; the checkout may have changes")
    only_check = parser.parse_args().check
    try:
        make_release(only_check=only_check)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def make_release(*, only_check: bool) -> None:
    """All of it, in order."""
    version = read_version()
    pythons = find_pythons()
    check_changelog(version)
    if not only_check:
        check_git(version)
    wheel, sdist = build()
    check_wheel(wheel)
    check_sdist(sdist, version)
    asyncio.run(try_all(pythons, wheel, sdist, version))
    if only_check:
        print(f"plldb {version} could be released.")
        return
    run("git", "tag", "--annotate", f"v{version}", "--message", f"plldb {version}")
    print(f"Tagged v{version}. What is left to do by hand:\n  git push origin v{version}")
    print(f"  uv publish {DIST.name}/{wheel.name} {DIST.name}/{sdist.name}")


def read_version() -> str:
    """The version of the checkout."""
    found = re.search(r'^__version__ = "(.+)"$', (ROOT / "plldb" / "__init__.py").read_text(), re.MULTILINE)
    if not found:
        raise ReleaseError("plldb/__init__.py has no __version__")
    return found[1]


def find_pythons() -> list[str]:
    """The interpreters of all supported versions, which must be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [found[1] for each in project["classifiers"] if (found := PYTHON_CLASSIFIER.fullmatch(each))]
    missing = [version for version in wanted if not shutil.which(f"python{version}")]
    if missing:
        raise ReleaseError(f"these supported Pythons are not installed: {', '.join(missing)}")
    return [f"python{version}" for version in wanted]


def check_changelog(version: str) -> None:
    """The changelog has a dated section for the version."""
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has no dated section for {version}")


def check_git(version: str) -> None:
    """What is built is what is committed, and the tag is free."""
    if run("git", "status", "--porcelain").strip():
        raise ReleaseError("the checkout has changes that are not committed")
    if run("git", "tag", "--list", f"v{version}").strip():
        raise ReleaseError(f"there is a tag v{version} already")


def build() -> tuple[Path, Path]:
    """Wheel and sdist in dist, the wheel built from the sdist."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(*UV, "build", "--quiet", "--out-dir", str(DIST), str(ROOT))
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    print(f"built {wheel.name} and {sdist.name}", flush=True)
    return wheel, sdist


def check_wheel(wheel: Path) -> None:
    """The wheel holds the package and its metadata, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    strange = [name for name in names if not name.startswith("plldb/") and not METADATA.match(name)]
    strange += [name for name in names if "__pycache__" in name]
    if strange:
        raise ReleaseError(f"{wheel.name} holds what does not belong there: {', '.join(strange)}")


def check_sdist(sdist: Path, version: str) -> None:
    """The sdist holds what is needed to build and to test."""
    with tarfile.open(sdist) as archive:
        names = set(archive.getnames())
    missing = [name for name in IN_SDIST if f"plldb-{version}/{name}" not in names]
    if missing:
        raise ReleaseError(f"{sdist.name} lacks {', '.join(missing)}")


async def try_all(pythons: list[str], wheel: Path, sdist: Path, version: str) -> None:
    """Each file on each Python, installed into an empty environment and used."""
    async with ministack() as server:
        for python in pythons:
            for artifact in (wheel, sdist):
                await asyncio.to_thread(try_one, python, artifact, version, server.url)


def try_one(python: str, artifact: Path, version: str, endpoint: str) -> None:
    """Install it, then set up, ask and destroy with it."""
    with tempfile.TemporaryDirectory(prefix="plldb-release-") as name:
        folder = Path(name)
        environment = isolated(os.environ, folder)
        environment |= aws_settings(endpoint, Credentials(access_key_id=invent_account()))
        environment.pop("PYTHONPATH", None)
        run(*UV, "venv", "--quiet", "--python", python, str(folder / "env"))
        interpreter = str(folder / "env" / "bin" / "python")
        run(*UV, "pip", "install", "--quiet", "--python", interpreter, str(artifact))
        program = str(folder / "env" / "bin" / "plldb")
        said = run(program, "--version", cwd=folder, env=environment).strip()
        if said != f"plldb {version}":
            raise ReleaseError(f"{artifact.name} on {python} says it is {said!r}")
        for command in ("setup", "status", "destroy"):
            run(program, "bootstrap", command, cwd=folder, env=environment)
    print(f"{python}: {artifact.name} installs, sets up and destroys", flush=True)


def run(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return its output."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
