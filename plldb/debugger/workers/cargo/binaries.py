"""Says of a package that it is built for another machine or Python. Talks to the disk."""

import glob
import os
import re
import sys

MACHINES = {62: "x86_64", 183: "arm64", 3: "x86"}
"""ELF's numbers of processors (System V ABI, e_machine)."""
MACH = {0x01000007: "x86_64", 0x0100000C: "arm64"}
"""Mach-O's (mach/machine.h)."""
SAME = {"aarch64": "arm64", "AMD64": "x86_64", "amd64": "x86_64", "ARM64": "arm64"}


def explain_import(error):
    """Return why an import failed, if a compiled module for another machine is the reason; else None."""
    own, here = ".".join(map(str, sys.version_info[:2])), this_machine()
    known = [(file, built_for(file), version_of(file)) for file in find_files(error)]
    if any(built == here and version in (None, own) for _, built, version in known):
        return None  # this one could be loaded: the reason is another
    for file, built, version in known:
        if built:
            what = f"{built} and Python {version}" if version else built
            return (
                f"{find_package(file)} is built for {what}, and this is {here} with Python {own}: "
                f"install it into the project's environment ({file})"
            )
    return None


def find_files(error):
    """Return the compiled modules that the import may have meant."""
    path = str(getattr(error, "path", None) or "")
    if path.endswith((".so", ".pyd")):
        return [path]
    names = [str(getattr(error, "name", None) or "")]
    said = r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'"
    from_package = re.match(said, str(error))
    if from_package:
        names.append(f"{from_package[2]}.{from_package[1]}")
    found = []
    for name in filter(None, names):
        for folder in sys.path:
            base = os.path.join(glob.escape(folder), *name.split("."))
            found += [*glob.glob(base + ".*.so"), *glob.glob(base + ".so"), *glob.glob(base + ".*.pyd")]
    return sorted(found)


def find_package(file):
    """Return the name of the package of which a file below the path is."""
    folder = max((each for each in sys.path if each and file.startswith(each + os.sep)), key=len, default="")
    return os.path.relpath(file, folder or os.path.dirname(file)).split(os.sep)[0].split(".")[0]


def version_of(file):
    """Return the version of Python that the name of a compiled module says; None for any."""
    said = re.search(r"\.(?:cpython-|cp)(\d)(\d+)", os.path.basename(file))
    return f"{said[1]}.{said[2]}" if said else None


def built_for(file):
    """Return the system and the processor that the head of a file says; None if that is not known."""
    try:
        with open(file, "rb") as opened:
            head = opened.read(20)
    except OSError:
        return None
    if head[:4] == b"\x7fELF" and len(head) == 20:
        order = "little" if head[5] == 1 else "big"
        return "Linux " + MACHINES.get(int.from_bytes(head[18:20], order), "another processor")
    if head[:4] == b"\xcf\xfa\xed\xfe":
        return "macOS " + MACH.get(int.from_bytes(head[4:8], "little"), "another processor")
    if head[:2] == b"MZ":
        return this_machine() if sys.platform == "win32" else "Windows"
    return None


def this_machine(system=sys.platform):
    """Return the same of this machine."""
    import platform

    name = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}.get(system, system)
    machine = platform.machine()
    return f"{name} {SAME.get(machine, machine)}"
