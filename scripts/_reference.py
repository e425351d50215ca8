"""Builds docs/reference.md from the public names of plldb. Talks to the disk.

A name is public if and only if it stands in the ``__all__`` of plldb, plldb.bootstrap, plldb.debugger or
plldb.errors.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import importlib
import inspect
import itertools
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Literal, get_args, get_origin

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
JSON_PAGE = PAGE.with_name("json.md")
MODULES = ("plldb", "plldb.bootstrap", "plldb.debugger", "plldb.errors")
# Where the exceptions of a capability are drawn.
BRANCHES = {"plldb.bootstrap": "plldb.bootstrap.errors", "plldb.debugger": "plldb.debugger.errors"}
HEAD = """\
# Reference

Every public name of plldb. Written by `scripts/reference` from the docstrings; do not edit it by hand.
How the names are used together is shown in [embedding.md](embedding.md).

Events and what they hold have the same fields in JSON: [json.md](json.md) has a section for each, to which
its name leads here. In Python an array is a tuple, an object of strings a mapping, a time a `datetime` in
UTC, null None, a status a [`Status`](#status) or [`StackStatus`](#stackstatus), and the remedy of a finding
a [`Hint`](#hint).
"""
# How Google's style heads the lists in a docstring, and what stands before them here.
LISTS = {"Args:": "Arguments", "Attributes:": "Attributes", "Raises:": "Raises"}


def main() -> int:
    """Write the page, or with --check compare it; 1 if it has drifted."""
    wanted = build_page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{PAGE.name} has drifted from the code: run scripts/reference", file=sys.stderr)
    return 1


def build_page() -> str:
    """Return the page. Pure."""
    lines = [HEAD]
    for module_name in MODULES:
        here.append(module_name)
        module = importlib.import_module(module_name)
        lines += [f"## {module_name}", "", first_paragraph(module), "", *drawing(module)]
        if module_name in BRANCHES:
            lines += drawing(importlib.import_module(BRANCHES[module_name]))
        told = [name for name in module.__all__ if heading_in_json(name)]
        lines += ["Events and what they hold: " + ", ".join(map(link, told)) + ".", ""] if told else []
        for name in module.__all__:
            lines += [] if name in told else describe_or_refer(name, getattr(module, name))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


@functools.cache
def public_names() -> frozenset[str]:
    """Every name that has a section, here or in json.md."""
    return frozenset(name for module in MODULES for name in importlib.import_module(module).__all__)


here: list[str] = []
"""The modules that have been begun; the last one is what is being written."""


@functools.cache
def anchors() -> dict[tuple[str, str], str]:
    """Where each name is told of, by module and name: GitHub numbers headings that are the same."""
    found: dict[tuple[str, str], str] = {}
    seen: dict[str, int] = {}
    for module_name in MODULES:
        for name in importlib.import_module(module_name).__all__:
            if heading := heading_in_json(name):
                found[module_name, name] = f"json.md#{heading}"
                continue
            number = seen.get(name.lower(), 0)
            seen[name.lower()] = number + 1
            found[module_name, name] = f"#{name.lower()}-{number}" if number else f"#{name.lower()}"
    return found


def describe_or_refer(name: str, value: Any) -> Iterator[str]:
    """The section of one name; what another module has described already is only named."""
    for earlier in here[:-1]:
        if getattr(importlib.import_module(earlier), name, None) is value:
            yield from (f"### {name}", "", f"As in {link(name, earlier)} of `{earlier}`.", "")
            return
    yield from describe(name, value)


def describe(name: str, value: Any) -> Iterator[str]:
    """The section of one name."""
    yield f"### {name}"
    yield ""
    if isinstance(value, UnionType):
        yield from describe_union(name, value)
    elif get_origin(value) is Literal:
        yield from prose(attribute_docs("plldb.errors").get(name, ""))
        yield "One of " + ", ".join(f"`{word}`" for word in get_args(value)) + "."
        yield ""
    elif inspect.isclass(value):
        yield from describe_class(name, value)
    elif inspect.isfunction(value):
        yield from fenced(f"{kind_of_function(value)}{signature_of(name, value)}")
        yield from prose(inspect.getdoc(value) or "")
    else:
        yield from fenced(f"{name}: {type(value).__name__} = {value!r}")
        yield from prose(attribute_docs("plldb").get(name, ""))


def describe_union(name: str, value: UnionType) -> Iterator[str]:
    """An alias of event types: its members and what is said of it in the source."""
    yield from prose(event_docs(f"{here[-1]}.events").get(name, ""))
    yield "One of " + ", ".join(map(link, members_of(value))) + "."
    yield ""


def members_of(value: UnionType) -> Iterator[str]:
    """The names of the types of a union; those of a smaller public union are told by its name."""
    module = importlib.import_module(here[-1])
    unions = {name: get_args(each) for name, each in vars(module).items() if isinstance(each, UnionType)}
    left = list(get_args(value))
    for name, parts in sorted(unions.items(), key=lambda item: -len(item[1])):
        if name in module.__all__ and set(parts) < set(get_args(value)) and set(parts) & set(left):
            yield name
            left = [each for each in left if each not in parts]
    yield from (each.__name__ for each in left)


def describe_class(name: str, value: type) -> Iterator[str]:
    """A class: how it is made, what it means, what it holds."""
    bases = [base.__name__ for base in value.__bases__ if base is not object]
    if bases:
        yield from fenced(f"class {name}({', '.join(bases)})")
    if dataclasses.is_dataclass(value):
        yield from describe_dataclass(value)
        return
    yield from prose(inspect.getdoc(value) or "")
    if issubclass(value, enum.Enum):
        yield "Values: " + ", ".join(f"`{member.value}`" for member in value) + "."
    elif issubclass(value, Exception):
        yield f"`code` is `{value.__dict__.get('code', '')}`."
    else:
        for attribute, member in vars(value).items():
            if isinstance(member, property):
                yield f"- `{attribute}`: {inline(inspect.getdoc(member) or '')}"
    yield ""


def describe_dataclass(value: type) -> Iterator[str]:
    """What a dataclass means, and its fields."""
    blocks = (inspect.getdoc(value) or "").split("\n\n")
    for block in blocks:
        yield from () if block.startswith("Attributes:") else prose(block)
    attributes = (block for block in blocks if block.startswith("Attributes:"))
    yield from describe_fields(value, dict(read_items(next(attributes, "").partition("\n")[2])))
    yield ""


@functools.cache
def heading_in_json(name: str) -> str:
    """The section of json.md with the fields of an event, or of what events hold; empty if there is none."""
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return snake if f"\n### {snake}\n" in JSON_PAGE.read_text(encoding="utf-8") else ""


def describe_fields(value: type, meanings: dict[str, str]) -> Iterator[str]:
    """A table of the fields of a dataclass, with their types as written in its source and what they mean."""
    own = [field for field in dataclasses.fields(value) if field.name in vars(value)["__annotations__"]]
    # The kind of an event is fixed: that it has a default is of no use to a reader.
    optional = any(has_default(field) for field in own if field.name != "kind")
    columns = ["field", "type", *["default"] * optional, *["meaning"] * bool(meanings)]
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for field in own:
        cells = [f"`{field.name}`", type_of(value, str(field.type))]
        cells += [f"`{shown(field.default)}`" if has_default(field) else ""] * optional
        cells += [meanings.get(field.name, "")] * bool(meanings)
        yield f"| {' | '.join(cells)} |"


def shown(default: object) -> str:
    """A default as one writes it on any system."""
    return (
        repr(default).replace(type(default).__name__, "Path") if isinstance(default, Path) else repr(default)
    )


def has_default(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has one that can be shown."""
    return field.default is not dataclasses.MISSING


def type_of(value: type, annotation: str) -> str:
    """A type for a table: public names are links, private names of literals are spelled out."""
    if annotation in public_names():
        return link(annotation)
    meaning = getattr(sys.modules[value.__module__], annotation, None)
    if get_origin(meaning) is Literal:
        return "one of " + ", ".join(f"`{word!r}`" for word in get_args(meaning))
    return "`" + annotation.replace("|", "\\|") + "`"


def kind_of_function(value: Any) -> str:
    """What stands before the signature."""
    return "async def " if inspect.isasyncgenfunction(value) or inspect.iscoroutinefunction(value) else "def "


def signature_of(name: str, value: Any) -> str:
    """The signature on several lines, one argument each, the same on every version of Python."""
    signature = inspect.signature(value)
    lines = [f"{name}("]
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and "    *," not in lines:
            lines.append("    *,")
        default = "" if each.default is each.empty else f" = {default_of(each.default)}"
        lines.append(f"    {each.name}: {each.annotation}{default},")
    return "\n".join([*lines, f") -> {signature.return_annotation}"])


def default_of(value: object) -> str:
    """A default as one would write it; a dataclass as its call without arguments."""
    return f"{type(value).__name__}()" if dataclasses.is_dataclass(value) else repr(value)


def fenced(code: str) -> list[str]:
    """A block of code."""
    # Not "python": such blocks are run by the tests.
    return ["```text", code, "```", ""]


def prose(text: str) -> Iterator[str]:
    """A docstring as Markdown: paragraphs, its lists, its drawings."""
    for block in re.split(r"\n\n+", text):
        head, _, rest = block.partition("\n")
        if not head:
            continue
        if head.strip() in LISTS:
            yield f"{LISTS[head.strip()]}:"
            yield ""
            yield from list_items(rest)
        else:
            yield " ".join(inline(block).split())
        yield ""


def list_items(text: str) -> Iterator[str]:
    """The items of an ``Args:`` list."""
    for name, meaning in read_items(text):
        yield f"- `{name}`: {meaning}"


def read_items(text: str) -> Iterator[tuple[str, str]]:
    """Name and meaning of each item of such a list; deeper indented lines go on with the item above."""
    items: list[str] = []
    for line in inspect.cleandoc("\n" + text).splitlines():
        if line.startswith(" ") and items:
            items[-1] += " " + line.strip()
        else:
            items.append(line.strip())
    for item in items:
        name, _, meaning = item.partition(": ")
        yield name, inline(meaning)


def inline(text: str) -> str:
    """`Name` becomes a link if it is public, and ``code`` of reStructuredText `code` of Markdown."""
    linked = re.sub(r"(?<!`)`([\w.]+)`(?!`)", lambda match: link(match[1]), text)
    return linked.replace("``", "`")


def link(name: str, module_name: str = "") -> str:
    """A link to the section of a public name, best of the module that is being described."""
    last = name.removeprefix("plldb.bootstrap.").removeprefix("plldb.debugger.").removeprefix("plldb.errors.")
    for each in (module_name, here[-1], *MODULES):
        if (each, last) in anchors():
            return f"[`{last}`]({anchors()[each, last]})"
    return f"`{name}`"


def first_paragraph(module: ModuleType) -> str:
    """What a module is, without the word on what it talks to."""
    first = (module.__doc__ or "").partition("\n\n")[0]
    return re.sub(r" (Pure|Talks to .*)\.$", "", " ".join(first.split()))


def drawing(module: ModuleType) -> list[str]:
    """What a module's docstring draws behind ``::``."""
    _, _, drawn = (module.__doc__ or "").partition("::\n\n")
    return fenced(inspect.cleandoc("\n" + drawn)) if drawn else []


@functools.cache
def event_docs(package_name: str) -> dict[str, str]:
    """What a capability says of its unions of events, in whichever module of the package they stand."""
    package = importlib.import_module(package_name)
    modules = (each.name for each in pkgutil.iter_modules(package.__path__, f"{package_name}."))
    return {name: text for each in (package_name, *modules) for name, text in attribute_docs(each).items()}


def attribute_docs(module_name: str) -> dict[str, str]:
    """The strings below assignments, which Python itself forgets."""
    module = importlib.import_module(module_name)
    body = ast.parse(inspect.getsource(module)).body
    found: dict[str, str] = {}
    for assignment, after in itertools.pairwise(body):
        match assignment, after:
            case (ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text)))):
                found[name] = inspect.cleandoc(text)
    return found


if __name__ == "__main__":
    sys.exit(main())
