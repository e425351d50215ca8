"""The debugger's side of a worker: debugpy, and a clock that it can stop. Talks to debugpy's adapter."""

import _thread
import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST_PYTHON = (3, 10)
"""What debugpy says of itself. A function of 3.9 runs, and is not debugged."""
LONGEST_WAIT = 10.0
"""Seconds for an editor that is there to take up a worker; after that the function runs without it."""

RELEASED_WITHIN = 2.0
"""Seconds for the adapter to let a worker run that no editor takes up."""

_lock = _thread.allocate_lock()
_clock = {"held": 0.0, "stopped": 0, "since": 0.0}


def find_obstacle(version):
    """Return why a Python of this version cannot be debugged; None if it can."""
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return None
    oldest, here = (".".join(map(str, each[:2])) for each in (OLDEST_PYTHON, version))
    return f"debugpy needs Python {oldest} or later, and this is Python {here}"


def listen():
    """Be the process that an editor attaches to first; workers are its children in the editor's eyes.

    It does nothing. That the editor's session is not that of a worker lets workers come and go.
    """
    obstacle = find_obstacle(sys.version_info)
    if obstacle:
        sys.exit(obstacle)
    import debugpy
    from debugpy import adapter

    secret = os.urandom(32).hex()
    folder = os.path.dirname(os.path.dirname(debugpy.__file__))
    os.environ["_PLLDB_ADAPTER"] = json.dumps({"secret": secret, "folder": folder})
    # debugpy starts what lies in the folder of this file: its own takes editors from everybody.
    adapter.__file__ = os.path.join(HERE, "adapter", "__init__.py")
    _, port = debugpy.listen(("127.0.0.1", 0))
    setup = sys.modules["pydevd"].SetupHolder.setup
    ports = {"client": port, "secret": secret, "server": setup["port"]}
    told = {**ports, "token": setup["access-token"], "pid": os.getpid()}
    os.write(1, json.dumps(told).encode() + b"\n")
    while True:
        time.sleep(3600)


def load():
    """Load debugpy, which takes the longest of all: nobody sees this worker yet."""
    from debugpy.server import api  # noqa: F401 - which puts pydevd within reach


def start(where, tell):
    """Connect this worker to the adapter, and wait until an editor that is there has set its breakpoints."""
    import debugpy
    from debugpy.server import api

    pydevd = sys.modules["pydevd"]
    # The editor is led to the project's own file, also where the function has it by a link.
    sys.modules["pydevd_file_utils"].set_resolve_symlinks(True)
    prepare(api, where["token"])
    stop_clock(pydevd.PyDB, tell)
    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(go_on, (done, pydevd))
    try:
        debugpy.connect(("127.0.0.1", where["server"]), parent_session_pid=where["pid"])
    except Exception as error:  # noqa: BLE001 - the function runs in any case
        sys.stderr.write(f"plldb: no debugger, since it cannot be reached: {error}\n")
    finally:
        done.release()
    send_at_once(pydevd.get_global_debugger())
    if not where["editor"]:
        wait_until_released(debugpy)
    sys.breakpointhook = stop_here


def send_at_once(debugger):
    """Spare each answer to the editor 40 ms (Linux).

    pydevd writes head and body of a message apart, and the system keeps the second back until the first is
    acknowledged.
    """
    reader = getattr(debugger, "reader", None)
    with suppress(AttributeError, OSError):
        reader.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def wait_until_released(debugpy):
    """Wait until the adapter, which takes the editor's place for a moment, has left again."""
    give_up = time.monotonic() + RELEASED_WITHIN
    while debugpy.is_client_connected() and time.monotonic() < give_up:
        time.sleep(0.001)


def stop_here(*_args, **_kwargs):
    """Be ``breakpoint()``: it stops where an editor is; without one the thread would stand still for ever."""
    import debugpy

    if debugpy.is_client_connected():
        debugpy.breakpoint()
    else:
        sys.stderr.write("plldb: breakpoint() was passed over, since no debugger is attached\n")


def go_on(done, pydevd):
    """Let the function run if no editor says so in time."""
    if not done.acquire(timeout=LONGEST_WAIT):
        debugger = pydevd.get_global_debugger()
        if debugger is not None:
            debugger.ready_to_run = True


def prepare(api, token):
    """Keep awslambdaric and plldb's own files out of stacks and of stepping, and prove this worker."""
    import awslambdaric

    ours = tuple(os.path.normcase(each) + os.sep for each in (os.path.dirname(awslambdaric.__file__), HERE))
    settrace = api._settrace

    def hidden(*args, **kwargs):
        kwargs["dont_trace_start_patterns"] = (*kwargs.get("dont_trace_start_patterns", ()), *ours)
        return settrace(*args, access_token=token, **kwargs)

    api._settrace = hidden


def stop_clock(debugger, tell):
    """Let the remaining time stand still while a thread is stopped at a breakpoint."""
    wait = debugger.do_wait_suspend

    def do_wait_suspend(self, *args, **kwargs):
        stopped(tell, 1)
        try:
            return wait(self, *args, **kwargs)
        finally:
            stopped(tell, -1)

    debugger.do_wait_suspend = do_wait_suspend


def stopped(tell, change):
    """Note that a thread stops, or goes on."""
    with _lock:
        before = _clock["stopped"]
        _clock["stopped"] += change
        if before == 0:
            _clock["since"] = time.time()
        elif _clock["stopped"] == 0:
            _clock["held"] += time.time() - _clock["since"]
        else:
            return
    tell("held", before == 0)


def read_clock():
    """Return the time without that for which the debugger has held the function, in seconds."""
    with _lock:
        return (_clock["since"] if _clock["stopped"] else time.time()) - _clock["held"]


def adapt(runtime):
    """Give the runtime the clock, and stop at exceptions that the runtime would catch."""
    context = runtime.LambdaContext
    init = context.__init__

    def initialize(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self._behind = time.time() - read_clock()

    def get_remaining_time_in_millis(self):
        """As awslambdaric has it, by a clock that stands still at a breakpoint."""
        return max(self._epoch_deadline_time_in_ms - int((read_clock() + self._behind) * 1000), 0)

    context.__init__ = initialize
    context.get_remaining_time_in_millis = get_remaining_time_in_millis
    stop_at_exceptions(runtime)
    end_steps(runtime.LambdaRuntimeClient.marshaller)


def end_steps(marshaller):
    """End a step that leaves the handler: it would end in a library of the runtime or in the next event."""
    kind = type(marshaller)
    marshal = kind.marshal_response

    def marshal_response(self, response):
        end_step()
        return marshal(self, response)

    kind.marshal_response = marshal_response


def end_step():
    """Let the thread run that the editor steps."""
    info = getattr(threading.current_thread(), "additional_info", None)
    if info is not None:
        info.pydev_step_cmd = info.pydev_original_step_cmd = -1
        info.pydev_step_stop = None
        info.update_stepping_info()


def stop_at_exceptions(runtime):
    """For the editor's "uncaught exceptions": to the user they are, though the runtime reports them."""
    import debugpy

    extract, get_handler = runtime.extract_traceback, runtime._get_handler

    def extract_traceback(tb):
        debugpy.trigger_exception_handler()
        end_step()
        return extract(tb)

    def _get_handler(handler):
        try:
            return get_handler(handler)
        except runtime.FaultException as fault:
            if fault.__context__ is not None:
                debugpy.trigger_exception_handler(fault.__context__)
            raise
        finally:
            end_step()

    runtime.extract_traceback = extract_traceback
    runtime._get_handler = _get_handler
