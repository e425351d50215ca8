"""The programs of docs/embedding.md and of docs/examples run as they stand there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from plldb import bootstrap
from tests.support.environment import REGION, invent_account

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = BLOCK.findall((DOCS / "embedding.md").read_text())
PROFILES = ("development", "production")
ARGUMENTS = {
    "own_session.py": ("arn:aws:iam::{account}:role/deployer",),
    "two_accounts.py": PROFILES,
}


async def run_python(*arguments: str, env: dict[str, str], cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", *arguments),
        env=env,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


def test_the_page_has_programs() -> None:
    assert len([program for program in PROGRAMS if "asyncio.run(" in program]) >= 2


@pytest.mark.parametrize("program", PROGRAMS, ids=[str(number) for number in range(1, len(PROGRAMS) + 1)])
async def test_a_program_of_the_page_runs(aws_env: dict[str, str], tmp_path: Path, program: str) -> None:
    (tmp_path / "program.py").write_text(program)
    await run_python("program.py", env=aws_env, cwd=tmp_path)


def test_the_page_names_every_example() -> None:
    page = (DOCS / "embedding.md").read_text()
    assert set(re.findall(r"examples/(\w+\.py)", page)) == {path.name for path in DOCS.glob("examples/*.py")}


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("examples/*.py")))
async def test_an_example_runs(aws_env: dict[str, str], account: str, tmp_path: Path, name: str) -> None:
    write_profiles(Path(aws_env["AWS_CONFIG_FILE"]))
    path = str(DOCS / "examples" / name)
    arguments = [part.format(account=account) for part in ARGUMENTS.get(name, ())]
    runner = ("-m", "pytest", "-p", "no:cacheprovider") if "import pytest" in Path(path).read_text() else ()
    await run_python(*runner, path, *arguments, env=aws_env, cwd=tmp_path)


def write_profiles(path: Path) -> None:
    """Each of the profiles is an account of its own."""
    lines = []
    for profile in PROFILES:
        lines += [f"[profile {profile}]", f"region = {REGION}", "aws_secret_access_key = test"]
        lines += [f"aws_access_key_id = {invent_account()}"]
    path.write_text("\n".join(lines))


async def test_the_first_program_of_the_page_deploys(aws_env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAMS[0])
    await run_python("program.py", env=aws_env, cwd=tmp_path)
    assert (await bootstrap.status()).healthy
