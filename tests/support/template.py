"""How large the stack is, as the bundled template has it. Talks to the disk."""

from __future__ import annotations

from pathlib import Path

import plldb
from plldb.bootstrap.template import read_resources

TEMPLATE = Path(plldb.__file__).parent / "bootstrap" / "cloudformation" / "template.yaml"
RESOURCES = len(read_resources(TEMPLATE.read_text("utf-8")))
