"""Checks a release on every supported Python, builds it, and tags it. Talks to git and processes.

Publishes nothing: what is left to do is printed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PYTHON_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")


class ReleaseError(Exception):
    """The release cannot be made; the message says why."""


def main() -> int:
    """Make the release."""
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
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
    check_changelog(version)
    if not only_check:
        check_git(version)
    for python in find_pythons():
        # tests/wheel builds wheel and sdist, looks at what they hold, installs and uses them.
        run("scripts/test", "-e", "wheel", "--override", f"testenv:wheel.base_python={python}")
        print(f"{python}: wheel and sdist install, set up and destroy", flush=True)
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", str(DIST), str(ROOT))
    if only_check:
        print(f"plldb {version} could be released.")
        return
    run("git", "tag", "--annotate", f"v{version}", "--message", f"plldb {version}")
    files = " ".join(f"{DIST.name}/{path.name}" for path in sorted(DIST.glob("plldb-*")))
    print(
        f"Tagged v{version}. What is left to do by hand:\n  git push origin v{version}\n  uv publish {files}"
    )


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


def run(*command: str) -> str:
    """Run a command to its end and return its output."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
