"""A session of one's own: plldb acts as a role that the program has assumed.

The role is the argument: ``python own_session.py arn:aws:iam::123456789012:role/deployer``.
"""

import asyncio
import sys
from typing import Any

from aiobotocore.session import AioSession, get_session

from plldb import bootstrap


async def assume_role(arn: str) -> AioSession:
    """A session with the temporary credentials of a role."""
    caller: Any = get_session()
    async with caller.create_client("sts", region_name="eu-west-1") as sts:
        answer = await sts.assume_role(RoleArn=arn, RoleSessionName="plldb")
    given = answer["Credentials"]
    session = AioSession()
    session.set_credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return session


async def main() -> None:
    """What is deployed, seen by that role."""
    session = await assume_role(sys.argv[1])
    seen = await bootstrap.status(bootstrap.Place(session=session, region="eu-west-1"))
    print(seen.target.caller_arn, "sees", seen.stack_status or "no stack")


asyncio.run(main())
