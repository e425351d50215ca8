"""Publishes so many packages of so many bytes with plldb's own code; prints time and memory as JSON."""

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from plldb.aws.pace import Pace
from plldb.aws.session import Target, open_aws
from plldb.bootstrap.artifacts.bucket import open_bucket
from plldb.bootstrap.artifacts.publish import publish_packages
from plldb.bootstrap.artifacts.sources import HandlerFile

REGION = "eu-west-1"


async def main(count: int, size: int) -> None:
    """Make the files, publish them, tell what it took beyond what the program had before."""
    target = Target(account="123456789012", region=REGION, partition="aws", caller_arn="", endpoint_url=None)
    with tempfile.TemporaryDirectory() as folder:
        handlers = [make_handler(Path(folder), number, size) for number in range(count)]
        async with open_aws(session=None, profile=None, region=REGION, endpoint_url=None, pace=Pace()) as aws:
            bucket = await open_bucket(aws, target)
            before, start = peak_memory(), time.perf_counter()
            artifacts = await publish_packages(bucket, "bench", handlers, {})
            seconds = time.perf_counter() - start
    assert len(artifacts) == count
    print(json.dumps({"packages": count, "seconds": seconds, "memory_mb": peak_memory() - before}))


def make_handler(folder: Path, number: int, size: int) -> HandlerFile:
    """A file of random bytes; what is in it does not matter to packaging."""
    place = folder / f"bench_{number:04d}_handler.py"
    place.write_bytes(os.urandom(size))
    return HandlerFile(function_name=place.stem, place=place)


def peak_memory() -> float:
    """The most memory that the process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
