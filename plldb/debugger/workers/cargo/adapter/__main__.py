"""debugpy's adapter, which takes editors from plldb's relay only. Talks to editors by way of the relay.

debugpy starts what lies in this folder instead of its own adapter (see `debugging.listen`). debugpy knows no
authentication of editors, and takes the POST of a web page for its own protocol: whoever finds the port could
run code. So each connection must begin with a secret, which only the relay knows.
"""

import hmac
import json
import os
import runpy
import sys
import threading

SETTINGS = "_PLLDB_ADAPTER"
"""Variable with the secret and the folder of debugpy: it is not in the process list, as arguments are."""
SECRET_WITHIN = 5.0
"""Seconds for the secret to come; the relay sends it at once."""


def main():
    """Become the adapter."""
    settings = json.loads(os.environ.pop(SETTINGS))
    sys.path[0] = settings["folder"]
    import debugpy  # noqa: F401 - runpy finds its adapter by it

    del sys.path[0]
    from debugpy.adapter import clients, sessions
    from debugpy.common import sockets

    def serve(host, port):
        def admit(sock):
            if has_secret(sock, settings["secret"].encode()):
                clients.Client(sock)
            else:
                sock.close()

        def take(sock):
            threading.Thread(target=admit, args=(sock,), daemon=True).start()

        clients.listener = sockets.serve("Client", take, host, port)
        sessions.report_sockets()
        return sockets.get_address(clients.listener)

    clients.serve = serve
    runpy.run_module("debugpy.adapter", run_name="__main__", alter_sys=True)


def has_secret(sock, secret):
    """Tell whether a connection begins with the secret."""
    sock.settimeout(SECRET_WITHIN)
    said = b""
    try:
        while len(said) < len(secret):
            more = sock.recv(len(secret) - len(said))
            if not more:
                return False
            said += more
    except OSError:
        return False
    return hmac.compare_digest(said, secret)


if __name__ == "__main__":
    main()
