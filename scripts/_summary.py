"""Sums up a run of tox in one closing line. Talks to the disk.

Counts the tests of every environment that wrote a JUnit file. An environment without one, such as check or
coverage, counts as one test; so does one that failed although all its tests passed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree


def main() -> int:
    """Print the line; 1 if anything failed or nothing ran."""
    results, folder = Path(sys.argv[1]), Path(sys.argv[2])
    environments: dict[str, Any] = json.loads(results.read_text())["testenvs"] if results.exists() else {}
    total: Counter[str] = Counter()
    for name, environment in environments.items():
        result = environment.get("result")
        # An environment that was not asked for has no result; one without its interpreter is skipped.
        if result and not result.get("skipped"):
            total += count_environment(result["success"], folder / f"{name}.xml")
    if not total:
        total["failed"] = 1
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}")
    return 1 if total["failed"] else 0


def count_environment(success: bool, junit: Path) -> Counter[str]:
    """What one environment adds to the sum."""
    tests = count_tests(junit) if junit.exists() else Counter()
    if success and not tests:
        tests["passed"] = 1
    if not success and not tests["failed"]:
        tests["failed"] = 1
    return tests


def count_tests(junit: Path) -> Counter[str]:
    """The tests of one JUnit file by their outcome."""
    outcomes: Counter[str] = Counter()
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        found = {child.tag for child in case}
        if found & {"failure", "error"}:
            outcomes["failed"] += 1
        else:
            outcomes["skipped" if "skipped" in found else "passed"] += 1
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
