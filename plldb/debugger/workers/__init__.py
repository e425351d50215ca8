"""Runs functions on this machine, each sandbox of Lambda in a worker process of its own. Talks to processes.

::

    async with open_workers(project, functions, debug=5678, wait=False) as workers:
        workers.debug_port
        answer = await workers.run(start, tell_output)    # start: a decision of the session
        workers.cancel(identity)
        workers.end(sandbox)
"""
