"""What failed, what state things are in, and what to do next: the failure screen. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.bootstrap.errors import FunctionsHeldError, StackFailedError, StackNotOursError, StackStuckError
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.cli.command import Stopped
from plldb.cli.hints import Where, hint_steps, hint_text, where_of
from plldb.cli.output.layout import Line
from plldb.cli.output.renderer import Problem, Step
from plldb.cli.output.text import duration
from plldb.errors import CredentialsError, PlldbError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.bootstrap.events.stack import Failure
    from plldb.cli.bootstrap.progress import LiveProgress
    from plldb.cli.invocation import Invocation
    from plldb.cli.output.renderer import RegionRun


def exit_code_of(error: PlldbError) -> int:
    """Return 2 for settings, 3 for a state that needs a person, 1 for everything else that failed."""
    match error:
        case SettingsError():
            return 2
        case StackStuckError() | StackNotOursError() | FunctionsHeldError():
            return 3
        case _:
            return 1


def explain(asked: Invocation, why: PlldbError | Stopped, runs: Sequence[RegionRun[LiveProgress]]) -> Problem:
    """Return what a person needs to know about a run that has no result, in these regions."""
    if isinstance(why, Stopped):
        return _explain_stop(asked, why, runs)
    (run,) = runs
    return _explain_error(asked, why, run)


def _explain_error(asked: Invocation, error: PlldbError, run: RegionRun[LiveProgress]) -> Problem:
    where = where_of(asked.settings, run.region, run.progress.target)
    known = run.progress.known
    status: str | None = getattr(error, "status", None)
    failures: tuple[Failure, ...] = getattr(error, "failures", ())
    stack: str = getattr(error, "stack", "")
    if isinstance(error, StackFailedError):
        deleting = asked.name == "destroy" or (status or "").startswith("DELETE")
        name = "destroy" if deleting else "setup"
        options = asked.words if name == asked.name else ()
        steps: tuple[Step, ...] = (
            Step(purpose="try again", command=where.command("bootstrap", name, options=options)),
        )
    elif known.in_flight != "no" and not isinstance(error, StackStuckError):
        again = isinstance(error, CredentialsError)
        steps = _next_steps(asked, where, again=again, creating=known.creating)
    else:
        steps = hint_steps(error.hint, asked, "" if asked.name == "doctor" else "bootstrap", where)
    return Problem(
        operation=asked.name,
        code=error.code,
        message=error.message,
        hint=hint_text(error.hint),
        exit_code=exit_code_of(error),
        stack=stack,
        status=status,
        failures=failures,
        lines=tuple(_failure_screen(stack, status, failures)),
        steps=steps,
    )


def _explain_stop(asked: Invocation, why: Stopped, runs: Sequence[RegionRun[LiveProgress]]) -> Problem:
    """Say what the end of plldb stopped, and what it did not: the commands name the regions at work."""
    running = [run for run in runs if run.progress.known.in_flight != "no"]
    if any(run.progress.known.in_flight == "yes" for run in running):
        hint = "CloudFormation goes on without plldb; only the watching has stopped."
    elif running:
        hint = "a request may have reached CloudFormation; if so, it goes on."
    else:
        hint = "plldb has nothing running in CloudFormation."
    found = [where_of(asked.settings, run.region, run.progress.target) for run in running]
    where = Where(
        regions=tuple(region for each in found for region in each.regions),
        profile=asked.settings.proposed_profile,
    )
    creating = all(run.progress.known.creating for run in running)
    return Problem(
        operation=asked.name,
        code=why.code,
        message=f"{why.reason}: plldb {_typed(asked)} has stopped",
        hint=hint,
        exit_code=why.exit_code,
        steps=_next_steps(asked, where, again=True, creating=creating) if running else (),
    )


def _typed(asked: Invocation) -> str:
    return asked.name if asked.name == "doctor" else f"bootstrap {asked.name}"


def _next_steps(asked: Invocation, where: Where, *, again: bool, creating: bool) -> tuple[Step, ...]:
    """Return what can be done about an operation that goes on; watch began nothing that could be undone."""
    steps = [Step(purpose="watch it", command=where.command("bootstrap", "watch"))]
    if asked.name == "destroy" or (again and asked.name == "setup"):
        steps.append(
            Step(purpose="go on with it", command=where.command("bootstrap", asked.name, options=asked.words))
        )
    if asked.name == "setup":
        # Of an update, a destroy takes away more than that has brought.
        undo = "undo it (delete all of it)" if creating else "delete all of it"
        steps.append(Step(purpose=undo, command=where.command("bootstrap", "destroy")))
    return tuple(steps)


def _failure_screen(stack: str, status: str | None, failures: Sequence[Failure]) -> list[Line]:
    """Return what stands above the last lines: cause, other failures, the state now."""
    lines = failure_lines(failures)
    if status and failures:
        lines.append(Line(name="now", text=state_sentence(stack, _known(status))))
    return lines


def failure_lines(failures: Sequence[Failure]) -> list[Line]:
    """Return the root cause first, then the rest, each with its reason in full."""
    lines = []
    for index, failure in enumerate(failures):
        name = "also" if index else "cause"
        lines.append(
            Line(mark="fail", name=name, text=_what_failed(failure), tone="bad" if not index else "plain")
        )
        lines.append(Line(text=failure.reason or "CloudFormation gives no reason"))
    return lines


def _what_failed(failure: Failure) -> str:
    took = "" if failure.seconds is None else f" after {duration(failure.seconds)}"
    place = "" if failure.template_line is None else f", template.yaml:{failure.template_line}"
    hook = f", by the hook {failure.hook_type}" if failure.hook_type else ""
    return f"{failure.logical_id} ({failure.resource_type}) {failure.status}{took}{hook}{place}"


def _known(status: str) -> StackStatus | str:
    return StackStatus(status) if status in StackStatus.__members__ else status


def state_sentence(stack: str, status: StackStatus | str) -> str:
    """Say what state a stack is in, and what that means."""
    meaning = _meaning(status)
    return f"{stack} is in {status}{': ' if meaning else ''}{meaning}"


def _meaning(status: str) -> str:
    match status:
        case StackStatus.ROLLBACK_COMPLETE:
            return "what had been created was deleted again"
        case StackStatus.UPDATE_ROLLBACK_COMPLETE | StackStatus.IMPORT_ROLLBACK_COMPLETE:
            return "it is as it was before the change"
        case StackStatus.ROLLBACK_FAILED | StackStatus.CREATE_FAILED | StackStatus.UPDATE_FAILED:
            return "some of its resources are left half-finished"
        case StackStatus.UPDATE_ROLLBACK_FAILED | StackStatus.IMPORT_ROLLBACK_FAILED:
            return "some of its resources could not be rolled back"
        case StackStatus.DELETE_FAILED:
            return "some of its resources could not be deleted"
        case StackStatus.DELETE_COMPLETE:
            return "it is gone"
        case StackStatus.REVIEW_IN_PROGRESS:
            return "a change set was made for it, but it does not exist yet"
        case _:
            return "work goes on" if Status(status).in_progress else ""
