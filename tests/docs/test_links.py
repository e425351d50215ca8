"""Every link inside the documentation leads somewhere. The network is not asked."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT, anchor_of, read_anchors, read_links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_internal_link_leads_to_a_file_and_its_anchor_to_a_heading(page: Path) -> None:
    broken = [link for link in read_links(page) if not leads_somewhere(page, link)]
    assert not broken


def leads_somewhere(page: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme:
        return parts.scheme == "https" and bool(parts.netloc)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not parts.fragment or parts.fragment in read_anchors(target)


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("6. Look at it", "6-look-at-it"),
        ("`plldb doctor` says", "plldb-doctor-says"),
        ("It is none of these", "it-is-none-of-these"),
        ("plldb.errors", "plldberrors"),
        ("bucket_ready", "bucket_ready"),
    ],
)
def test_anchors_are_named_as_github_names_them(heading: str, anchor: str) -> None:
    assert anchor_of(heading) == anchor


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / link).resolve() for link in read_links(ROOT / "README.md")}
    assert set((ROOT / "docs").glob("*.md")) - {ROOT / "docs" / "index.md"} <= linked


def test_every_example_is_named_in_embedding() -> None:
    linked = {link for link in read_links(ROOT / "docs" / "embedding.md") if link.endswith(".py")}
    assert {f"examples/{path.name}" for path in (ROOT / "docs" / "examples").glob("*.py")} == linked


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150
