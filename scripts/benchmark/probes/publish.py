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
from plldb.bootstrap.artifacts.sources import FileSource, PackageSource

REGION = "eu-west-1"


async def main(count: int, size: int) -> None:
    """Make the files, publish them, tell what it took beyond what the program had before."""
    target = Target(account="123456789012", region=REGION, partition="aws", caller_arn="", endpoint_url=None)
    with tempfile.TemporaryDirectory() as folder:
        sources = [make_package(Path(folder), number, size) for number in range(count)]
        async with open_aws(session=None, profile=None, region=REGION, endpoint_url=None, pace=Pace()) as aws:
            bucket = await open_bucket(aws, target)
            before, start = peak_memory(), time.perf_counter()
            artifacts = await publish_packages(bucket, "bench", sources, {})
            seconds = time.perf_counter() - start
    assert len(artifacts) == count
    print(json.dumps({"packages": count, "seconds": seconds, "memory_mb": peak_memory() - before}))


def make_package(folder: Path, number: int, size: int) -> PackageSource:
    """The package of a file of random bytes; what is in it does not matter to packaging."""
    place = folder / f"bench_{number:04d}_handler.py"
    place.write_bytes(os.urandom(size))
    files = (FileSource(path=place.name, place=place),)
    return PackageSource(name=place.stem, folder="lambda_functions", files=files)


def peak_memory() -> float:
    """The most memory that the process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
