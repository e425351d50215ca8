"""Several regions at once, and what became of each, even if one of them fails."""

import asyncio
import sys

from plldb import bootstrap
from plldb.errors import PlldbError


async def deploy(region: str) -> str:
    """Set up in one region and say how it went."""
    return (await bootstrap.result(bootstrap.setup(bootstrap.Place(region=region)))).outcome


async def main() -> int:
    """Side by side: the time is that of the slowest."""
    regions = sys.argv[1:]
    results = await asyncio.gather(*map(deploy, regions), return_exceptions=True)
    for region, result in zip(regions, results, strict=True):
        if isinstance(result, BaseException) and not isinstance(result, PlldbError):
            raise result
        print(f"{region}: {result}")
    return any(isinstance(result, PlldbError) for result in results)


sys.exit(asyncio.run(main()))
