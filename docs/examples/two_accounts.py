"""Two accounts at once, each with an aiobotocore session of its own.

The two profiles are the arguments: ``python two_accounts.py development production``.
"""

import asyncio
import sys

from aiobotocore.session import AioSession

from plldb import bootstrap


async def deploy(profile: str) -> bootstrap.Deployment:
    """Set up in the account of a profile."""
    place = bootstrap.Place(session=AioSession(profile=profile))
    done = await bootstrap.result(bootstrap.setup(place))
    assert isinstance(done, bootstrap.SetupFinished)  # no dry run
    return done.deployment


async def main() -> None:
    """Both side by side; there is no state that they could share."""
    for deployment in await asyncio.gather(*map(deploy, sys.argv[1:])):
        print(deployment.account, deployment.region, deployment.bucket)


asyncio.run(main())
