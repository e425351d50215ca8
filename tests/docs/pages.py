"""The pages of the documentation, and what stands on them. Talks to the disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
# index.md is no page to read: it is the README, and the order of the pages, for Sphinx.
PAGES = tuple(
    path
    for folder in (ROOT, ROOT / "docs")
    for path in sorted(folder.glob("*.md"))
    if path.name != "index.md"
)
EXAMPLES = ROOT / "docs" / "examples"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GIVEN = re.compile(r"<!-- given: (.+?) -->\s*\Z")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code; ``given`` is what a comment before it says must be there first."""

    page: Path
    line: int
    language: str
    text: str
    given: str

    def __str__(self) -> str:
        """Where it stands."""
        return f"{self.page.name}:{self.line}"


def read_blocks(page: Path, language: str) -> list[Block]:
    """The blocks of one language on a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            language=match[1],
            text=match[2],
            given=found[1] if (found := _GIVEN.search(text[: match.start()])) else "",
        )
        for match in _BLOCK.finditer(text)
        if match[1] == language
    ]


def read_links(page: Path) -> list[str]:
    """The targets of all links and pictures on a page, those in code left out."""
    return _LINK.findall(_without_code(page))


def read_anchors(page: Path) -> set[str]:
    """What a link to a heading of the page can name, as GitHub makes it of the heading."""
    return set(_number(anchor_of(heading) for heading in _HEADING.findall(_without_code(page))))


def anchor_of(heading: str) -> str:
    """The name of one heading: lower case, no punctuation, hyphens for spaces."""
    plain = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", plain.strip())


def read_section(page: Path, heading: str) -> str:
    """The text below a heading, up to the next one of whatever level."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def _without_code(page: Path) -> str:
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    # Code in a line may hold brackets; the text of a link may be code, so its inside is kept.
    return re.sub(r"(?<!\[)`[^`\n]+`(?!\])", "", text) if page.name != "reference.md" else text


def _number(names: Iterator[str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        yield f"{name}-{count}" if count else name
