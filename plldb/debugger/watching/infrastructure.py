"""Notices that plldb's own stack is gone, or was set up anew, under a session. Talks to CloudFormation."""

from __future__ import annotations

import asyncio
import logging

from plldb.aws.session import Aws
from plldb.debugger.arming.naming.stacks import Infrastructure, read_infrastructure
from plldb.debugger.errors import NotSetUpError
from plldb.debugger.pace import Pace
from plldb.errors import Hint, PlldbError

log = logging.getLogger(__name__)


async def watch_infrastructure(aws: Aws, known: Infrastructure, lost: asyncio.Event, pace: Pace) -> None:
    """Look at the stack while ``lost`` is set: the connection is lost. Ends only with an error.

    Raises:
        NotSetUpError: there is no stack any more, or its API has another address: nobody will ever answer.
    """
    while True:
        await lost.wait()
        try:
            found = await read_infrastructure(aws)
        except NotSetUpError:
            raise
        except PlldbError as error:  # perhaps the next look can be taken
            log.info("the stack cannot be looked at: %s", type(error).__name__)
        else:
            if found.websocket_url != known.websocket_url:
                raise NotSetUpError(
                    "plldb was set up anew in the meantime, and its API has another address.",
                    hint=Hint("fix-argument", "Attach again."),
                )
        await asyncio.sleep(pace.look_at_functions)
