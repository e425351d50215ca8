"""The three scenarios, and what each does when nothing goes wrong. Talks to MiniStack."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plldb.bootstrap import SetupOptions
from tests.faults.library import succeed
from tests.faults.state import Hands
from tests.support.environment import invent_account
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.library import Command
    from tests.faults.state import Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A command and what there is before it: nothing, or a deployment that has been tampered with."""

    name: str
    command: Command
    deployed: bool
    options: Mapping[str, Any]

    async def prepare(self, endpoint: str, deployed: list[str]) -> Hands:
        """Bring an account to where the scenario begins: one of those ``deployed`` already, if it may be."""
        hands = Hands(endpoint, deployed.pop() if self.deployed and deployed else invent_account())
        if self.deployed and not (await hands.inventory()).stacks:
            await succeed("setup", hands.account, endpoint)
        if self.deployed:
            await self._tamper(hands)
        return hands

    async def _tamper(self, hands: Hands) -> None:
        if self.command == "setup":
            # Code that is to be replaced, and with it a template that differs.
            await hands.overwrite_packages(1)
        else:
            await hands.begin_upload()


COLD = Scenario(name="cold setup", command="setup", deployed=False, options={})
UPDATE = Scenario(
    name="updating setup",
    command="setup",
    deployed=True,
    options={"options": SetupOptions(tags={"team": "b"})},
)
DESTROY = Scenario(name="destroy", command="destroy", deployed=True, options={})
SCENARIOS = (COLD, UPDATE, DESTROY)


def changes(operation: str) -> bool:
    """Whether an operation changes something, as its name tells."""
    return not operation.startswith(("Get", "Describe", "Head", "List", "Scan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """An operation at its ``occurrence``-th time in a run; ``last`` if it is the last of several."""

    operation: str
    occurrence: int
    last: bool

    def __str__(self) -> str:
        return f"{self.operation} (last)" if self.last else self.operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the scenarios do, and what is right.

    ``operations``: of each scenario, with their number of requests. ``deployed``: the state after setup.
    ``accounts``: some that are deployed, for whoever needs one; a list to take from and to give back to.
    """

    operations: Mapping[str, Counter[str]]
    deployed: Inventory
    accounts: list[str] = field(default_factory=list)

    def spots(self, scenario: Scenario) -> tuple[Spot, ...]:
        """Where things can go wrong: the first time of each operation, and the last if there are several."""
        spots: list[Spot] = []
        for operation, count in self.operations[scenario.name].items():
            spots.append(Spot(operation=operation, occurrence=1, last=False))
            if count > 1:
                spots.append(Spot(operation=operation, occurrence=count, last=True))
        return tuple(spots)

    def is_right(self, command: Command, found: Inventory) -> bool:
        """Whether an account is as it should be after a command."""
        return found == self.deployed if command == "setup" else found.empty


async def record_baseline(endpoint: str) -> Baseline:
    """Run every scenario once, and look."""
    # MiniStack loads most of itself with the first stack, which takes some seconds.
    await succeed("setup", invent_account(), endpoint)
    operations: dict[str, Counter[str]] = {}
    deployed = None
    async with Proxy(endpoint) as proxy:
        for scenario in SCENARIOS:
            hands = await scenario.prepare(endpoint, [])
            proxy.forget()
            await succeed(scenario.command, hands.account, proxy.url, **scenario.options)
            operations[scenario.name] = Counter(record.operation for record in proxy.records)
            deployed = deployed or await hands.inventory()
    assert deployed is not None
    return Baseline(operations=operations, deployed=deployed)
