"""Several regions side by side: one labelled stream, one question, one summary. Talks to a face."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from plldb.cli.output.renderer import Outcome, OutputClosedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from plldb.cli.output.renderer import Face, Lane


async def follow_all(
    lanes: Sequence[Lane], face: Face, follow_lane: Callable[[Lane], Awaitable[Outcome]]
) -> int:
    """Runs all lanes to their end, whatever becomes of one, and returns the exit code of the worst.

    Only a bug or a closed output ends the other lanes; a bug is raised once the summary tells it, too.
    """
    tasks = [asyncio.ensure_future(follow_lane(lane)) for lane in lanes]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    outcomes = [_outcome_of(lane, task) for lane, task in zip(lanes, tasks, strict=True)]
    face.summarise(outcomes)
    for task in tasks:
        if not task.cancelled():
            task.result()
    return max(outcome.exit_code for outcome in outcomes)


def _outcome_of(lane: Lane, task: asyncio.Future[Outcome]) -> Outcome:
    if task.cancelled():
        return Outcome(lane=lane, exit_code=1, said="stopped, because of the bug in another region")
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, OutputClosedError):
        raise error
    return Outcome(lane=lane, exit_code=1, said=f"plldb has a bug: {type(error).__name__}: {error}")


class SharedQuestion:
    """One question for several regions, put when each has shown its plan or has come to its end."""

    def __init__(self, lanes: Sequence[Lane], question: Callable[[], Awaitable[bool]]) -> None:
        self._expected = {lane.label for lane in lanes}
        self._everybody = asyncio.Event()
        self._question = question
        self._answer: asyncio.Future[bool] | None = None

    async def ask(self, lane: Lane) -> bool:
        """Waits for the other regions, then for the one answer."""
        self.leave(lane)
        await self._everybody.wait()
        if self._answer is None:
            self._answer = asyncio.ensure_future(self._question())
        return await self._answer

    def leave(self, lane: Lane) -> None:
        """This region is not waited for, or not any more."""
        self._expected.discard(lane.label)
        if not self._expected:
            self._everybody.set()
