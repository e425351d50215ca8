"""The first that a worker's process runs, on the project's Python. Talks to plldb.

It reads its settings from standard input, so that no secret is in an argument, a file or the environment that
the process list shows. By the first line it loads AWS's own awslambdaric, and the debugger; then it waits for
the second, which may come much later and says which function it runs; sets the environment; and starts the
runtime.
Only the standard library is used, and of it only what awslambdaric uses anyway.
"""

import importlib
import importlib.util
import json
import os
import site
import sys
import time
from importlib import machinery

JUST_SAVED = 2.0
"""Seconds; a second, and the coarsest clock of a file system."""
HERE = os.path.dirname(os.path.abspath(__file__))


class Packages:
    """Finds what plldb's own installation brings, and nothing else of it."""

    def __init__(self, folders):
        self.folders = folders

    def find_spec(self, name, path=None, _target=None):
        """Find a package of the list; what is in it Python then finds by itself."""
        if path is None and name in self.folders:
            return machinery.PathFinder.find_spec(name, [self.folders[name]])
        return None

    def find_distributions(self, context=None):
        """Find what importlib.metadata tells of them."""
        from importlib.metadata import DistributionFinder, MetadataPathFinder

        name = getattr(context, "name", None)
        names = [name] if name else list(self.folders)
        for each in names:
            if each in self.folders:
                only = DistributionFinder.Context(name=each, path=[self.folders[each]])
                yield from MetadataPathFinder.find_distributions(only)


def take_input():
    """Return a descriptor of what plldb says. Standard input is empty for the function."""
    descriptor = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return descriptor


def read_settings(descriptor):
    """Yield what plldb says, line by line; end if plldb has ended."""
    rest = b""
    while True:
        line, newline, after = rest.partition(b"\n")
        if newline:
            rest = after
            yield json.loads(line.decode())
            continue
        more = os.read(descriptor, 65536)
        if not more:
            os._exit(1)
        rest += more


def watch_end(descriptor):
    """End with plldb from now on, whatever the function does. Nothing more can be said."""
    load_file("_plldb_ending", os.path.join(HERE, "ending.py")).end_with(descriptor)


def note_files(client, copied, compiled):
    """Note the time and size of each source file of the function as it is loaded, for restarts.

    Python finds what it has compiled by whole seconds and the size: of a file that has just been saved it may
    have what was there before within the same second. Then it is not read. Nothing of the project is compiled
    into its own folder: most tools package all of it, so that their next deployment would find it changed.
    """
    loader = machinery.SourceFileLoader
    path_stats, set_data, get_code, now = loader.path_stats, loader.set_data, loader.get_code, time.time
    outside = tuple(each + os.sep for each in (os.path.dirname(os.__file__), HERE, *copied))
    usual = sys.pycache_prefix

    def is_own(path):
        installed = ("site-packages", "__pypackages__")
        return isinstance(path, str) and not path.startswith(outside) and not any(map(path.count, installed))

    def noted(self, path):
        if is_own(path):
            known = os.stat(path)
            client.files[path] = known.st_mtime_ns, known.st_size
            if now() - known.st_mtime < JUST_SAVED:
                raise OSError("not to be cached")
        return path_stats(self, path)

    def compiled_elsewhere(self, name):
        if not compiled or not is_own(self.path):
            return get_code(self, name)
        sys.pycache_prefix = compiled
        try:
            return get_code(self, name)
        finally:
            sys.pycache_prefix = usual

    def written(self, path, data, **how):
        if not is_own(path) or (compiled and path.startswith(compiled + os.sep)):
            set_data(self, path, data, **how)

    loader.path_stats, loader.set_data, loader.get_code = noted, written, compiled_elsewhere


def load_runtime(settings):
    """Load the runtime as Lambda does, before anything of the project is in the way."""
    client = load_file("runtime_client", os.path.join(HERE, "runtime_client.py"))
    client.connect_to(settings["api"], settings["secret"], settings["mark"])
    packages = Packages(settings["packages"])
    sys.meta_path.insert(0, packages)
    runtime = importlib.import_module("awslambdaric.__main__")
    base = importlib.import_module("awslambdaric.lambda_runtime_client").BaseLambdaRuntimeClient
    base.call_rapid = client.call_rapid
    return client, packages, runtime


def load_debugger():
    """Load the debugger; None, and why is said, if this Python cannot be debugged."""
    path = list(sys.path)
    debugging = load_file("_plldb_debugging", os.path.join(HERE, "debugging.py"))
    obstacle = debugging.find_obstacle(sys.version_info)
    if obstacle:
        sys.stderr.write(f"plldb: no debugger, since {obstacle}\n")
        return None
    debugging.load()
    sys.path[:] = path
    return debugging


def load_file(name, path):
    """Load a module from its file, under this name."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def set_path(settings):
    """Put the code first on the path, as the managed runtime does; layers come last, and plldb's packages."""
    code = settings["code"]
    own = os.environ.get("PYTHONPATH", "").split(":")  # the function's, for Lambda: never this machine's
    own = [code + each[len("/var/task") :] for each in own if (each + "/").startswith("/var/task/")]
    first = list(dict.fromkeys([code, *own]))
    # The first entry is this file's folder.
    # AWS Chalice packages what lies in vendor beside app.py; as in `chalice local`, what is installed wins.
    vendor = os.path.join(code, "vendor")
    last = [vendor] if os.path.isdir(vendor) and os.path.isdir(os.path.join(code, ".chalice")) else []
    sys.path[:] = first + [each for each in sys.path if each not in (HERE, *first)] + last
    site.addsitedir(code)
    sys.path += [each for each in settings["layers"] if each not in sys.path]


def set_environment(settings):
    """Give this process exactly the variables of the function."""
    os.environ.clear()
    os.environ.update(settings["environment"])


def say_other_version():
    """Say once that this Python is of another version than the function's."""
    deployed = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python")[2]
    here = ".".join(map(str, sys.version_info[:2]))
    if deployed and deployed != here:
        sys.stderr.write(f"plldb: this is Python {here}, and the function is deployed on {deployed}\n")


def pass_over(*_, **__):
    """Be ``breakpoint()`` where nobody can answer: pdb would end the invocation."""
    sys.stderr.write("plldb: breakpoint() was passed over, since it has no terminal and no debugger here\n")


def use_terminal(settings, bootstrap):
    """Let ``breakpoint()`` and pdb have the terminal of plldb, if it has one."""
    if hasattr(os, "original_execv"):  # an editor's debugger follows plldb, and has its own
        return
    if settings["terminal"]:
        terminal = load_file("_plldb_terminal", os.path.join(HERE, "terminal.py"))
        terminal.install(*settings["terminal"], bootstrap)
    elif "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = pass_over


def write_no_core():
    """Let no crash write this process's memory to the disk: the role's credentials are in it."""
    try:
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        # Not 0: by that Linux does not keep a program such as systemd-coredump from taking it (core(5)).
        resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))
    except (ImportError, OSError, ValueError):
        pass


def main():
    """Become the worker."""
    write_no_core()
    descriptor = take_input()
    said = read_settings(descriptor)
    settings = next(said)
    if settings["adapter"]:
        watch_end(descriptor)
        sys.meta_path.insert(0, Packages(settings["packages"]))
        load_file("_plldb_debugging", os.path.join(HERE, "debugging.py")).listen()
    os.environ.update(settings["loading"])
    client, packages, runtime = load_runtime(settings)
    debugging = load_debugger() if settings["debugger"] else None
    differences = load_file("_plldb_differences", os.path.join(HERE, "differences.py"))
    settings = next(said)
    watch_end(descriptor)
    set_environment(settings)
    if hasattr(time, "tzset"):
        time.tzset()
    if debugging:
        path = list(sys.path)
        debugging.start(settings["debugger"], client.tell)
        debugging.adapt(runtime.bootstrap)
        sys.path[:] = path
        set_environment(settings)  # the debugger adds variables of its own
    else:
        use_terminal(settings, runtime.bootstrap)
    sys.meta_path.remove(packages)
    sys.meta_path.append(packages)
    set_path(settings)
    note_files(client, settings["copied"], settings["compiled"])
    client.tell("begun", sys.version)
    say_other_version()
    differences.watch(runtime.bootstrap, settings["vpc"])
    # What SDKs look for that wrap the runtime: sys.modules["__main__"].awslambdaricmain.bootstrap.
    globals().update(awslambdaricmain=runtime, bootstrap=runtime.bootstrap)
    runtime.main([settings["code"], settings["handler"]])


if __name__ == "__main__":
    main()
