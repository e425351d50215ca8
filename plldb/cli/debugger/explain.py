"""Why a command of the debugger has no result, and what to do next. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plldb.cli.command import Stopped
from plldb.cli.debugger.words import restore_command
from plldb.cli.hints import Where, hint_steps, hint_text, where_of
from plldb.cli.output.layout import Line
from plldb.cli.output.renderer import Problem, Step
from plldb.errors import PlldbError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from plldb.cli.debugger.progress import LiveProgress
    from plldb.cli.invocation import Invocation
    from plldb.cli.output.renderer import RegionRun


def explain(asked: Invocation, why: PlldbError | Stopped, runs: Sequence[RegionRun[LiveProgress]]) -> Problem:
    """Return what a person needs to know about a run that has no result, in these regions."""
    if isinstance(why, Stopped):
        return _explain_stop(asked, why, runs)
    (run,) = runs
    where = _place_of(asked, run)
    return Problem(
        operation=asked.name,
        code=why.code,
        message=why.message,
        hint=hint_text(why.hint),
        exit_code=2 if isinstance(why, SettingsError) else 1,
        lines=(Line(mark="fail", name="armed", text=_left_armed(runs)),) if _may_be_armed(run) else (),
        steps=(*_restore_steps(asked, runs), *hint_steps(why.hint, asked, "", where)),
    )


def _restore_steps(asked: Invocation, runs: Sequence[RegionRun[LiveProgress]]) -> tuple[Step, ...]:
    """Return the command that puts back what a session has left armed, where it has."""
    return tuple(
        Step(
            purpose="put back what is armed",
            command=restore_command(asked, _place_of(asked, run)),
        )
        for run in runs
        if _may_be_armed(run)
    )


def _explain_stop(asked: Invocation, why: Stopped, runs: Sequence[RegionRun[LiveProgress]]) -> Problem:
    steps: tuple[Step, ...] = ()
    if asked.name == "status":
        hint = "nothing was changed."
    elif asked.name == "invoke":
        hint = "if the event was sent, it still runs in the cloud; the function's log has its end."
    elif asked.name == "attach":
        restoring = {name for run in runs for name in run.progress.restoring}
        hint, steps = _left_armed(runs, restoring), _restore_steps(asked, runs)
        if why.code == "output-closed" and not all(run.progress.finished for run in runs) and steps:
            # Nobody was left who could be told, so the session has ended and restored without words.
            hint = "the functions were put back, as far as AWS allowed it."
            steps = tuple(
                Step(purpose="see that", command=_place_of(asked, run).command("status")) for run in runs
            )
    else:
        hint = "functions may be left armed; each goes back by itself when its lease ends."
        found = [_place_of(asked, run) for run in runs]
        regions = tuple(region for each in found for region in each.regions)
        where = Where(regions=regions, profile=asked.settings.profile)
        steps = (Step(purpose="go on with it", command=where.command("restore", options=asked.words)),)
    return Problem(
        operation=asked.name,
        code=why.code,
        message=f"{why.reason}: plldb {asked.name} has stopped",
        hint=hint,
        exit_code=why.exit_code,
        steps=steps,
    )


def _left_armed(runs: Sequence[RegionRun[LiveProgress]], restoring: Collection[str] = ()) -> str:
    """Say what is left armed; ``restoring`` was being restored when the process was told to end."""
    armed = [name for run in runs for name in run.progress.armed if name not in restoring]
    arming = [name for run in runs for name in run.progress.arming]
    arming += sorted(restoring)
    if not armed and not arming:
        return "no function is left armed."
    until = max(run.progress.lease_until for run in runs)
    what = [f"{', '.join(armed)} {'is' if len(armed) == 1 else 'are'} left armed"] if armed else []
    what += [f"{', '.join(arming)} may be left armed"] if arming else []
    return (
        f"{'; '.join(what)}, and answered by the deployed code; the lease ends at "
        f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC."
    )


def _may_be_armed(run: RegionRun[LiveProgress]) -> bool:
    return bool(run.progress.armed or run.progress.arming)


def _place_of(asked: Invocation, run: RegionRun[LiveProgress]) -> Where:
    return where_of(asked.settings, run.region, run.progress.target)
