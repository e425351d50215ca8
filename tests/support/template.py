"""How large the stack is, as the bundled template has it. Talks to the disk."""

from __future__ import annotations

from pathlib import Path

import plldb
from plldb.bootstrap.artifacts.sources import list_packages
from plldb.bootstrap.template import read_resources

TEMPLATE = Path(plldb.__file__).parent / "bootstrap" / "cloudformation" / "template.yaml"
PACKAGES = len(list_packages())
OBJECTS = PACKAGES + 1
"""What the bucket holds after a setup: the packages, and the template."""
RESOURCES = len(read_resources(TEMPLATE.read_text("utf-8")))
