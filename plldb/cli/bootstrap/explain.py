"""What failed, what state things are in, and what to do next: the failure screen. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from plldb.bootstrap.errors import StackFailedError, StackNotOursError, StackStuckError
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.cli.early import INTERRUPTED
from plldb.cli.output.layout import NARROWEST, Line
from plldb.cli.output.text import clean, duration, wrap
from plldb.cli.problems import Problem, Step
from plldb.errors import CredentialsError, Hint, HintKind, PlldbError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.bootstrap.events import Failure
    from plldb.bootstrap.progress import InFlight, Progress
    from plldb.cli.jobs import Job, Settings


# How a hint is worded for who can give options: instead of the library's sentence.
HINTS: dict[HintKind, str] = {
    "set-region": "Pass --region, set AWS_REGION, or put `region = …` into your profile in ~/.aws/config.",
}


def hint_text(hint: Hint | None) -> str:
    """Words a hint of the library for the command line."""
    return HINTS.get(hint.kind, hint.text) if hint else ""


def exit_code_of(error: PlldbError) -> int:
    """2 for settings, 3 for a state that needs a person, 1 for everything else that failed."""
    match error:
        case SettingsError():
            return 2
        case StackStuckError() | StackNotOursError():
            return 3
        case _:
            return 1


def explain_error(error: PlldbError, job: Job, settings: Settings, progress: Progress) -> Problem:
    """Turns an error of the library into what a person needs to know; ``settings`` name the region."""
    stack = getattr(error, "stack", "")
    failed = isinstance(error, StackFailedError | StackStuckError)
    steps: tuple[Step, ...] = ()
    if isinstance(error, StackFailedError):
        deleting = job.name == "destroy" or (error.status or "").startswith("DELETE")
        name = "destroy" if deleting else "setup"
        options = job.options if name == job.name else ()
        steps = (Step(purpose="try again", command=command(name, settings, options)),)
    elif progress.in_flight != "no" and not failed:
        again = isinstance(error, CredentialsError)
        steps = _ways_on(job, settings, again=again, creating=progress.creating)
    return Problem(
        operation=job.name,
        code=error.code,
        message=error.message,
        hint=hint_text(error.hint),
        exit_code=exit_code_of(error),
        stack=stack,
        status=getattr(error, "status", None),
        failures=getattr(error, "failures", ()),
        steps=steps,
    )


def explain_interrupt(
    job: Job, settings: Settings, in_flight: InFlight, *, creating: bool, closed: str = ""
) -> Problem:
    """Says what an interrupt stopped, and what it did not; ``closed``: why the output takes no more."""
    hint = {
        "no": "nothing of plldb is running in CloudFormation.",
        "maybe": "a request may have reached CloudFormation; if so, it goes on.",
        "yes": "CloudFormation goes on without plldb; only the watching has stopped.",
    }[in_flight]
    steps = _ways_on(job, settings, again=True, creating=creating)
    return Problem(
        operation=job.name,
        code="output-closed" if closed else "interrupted",
        message=f"{closed or 'interrupted'}: {_name(job)} has stopped",
        hint=hint,
        exit_code=1 if closed else INTERRUPTED,
        steps=() if in_flight == "no" else steps,
    )


def _name(job: Job) -> str:
    return "plldb doctor" if job.name == "doctor" else f"plldb bootstrap {job.name}"


def _ways_on(job: Job, settings: Settings, *, again: bool, creating: bool) -> tuple[Step, ...]:
    """Who only watched began nothing that could be undone."""
    steps = [Step(purpose="watch it", command=command("watch", settings))]
    if job.name == "destroy" or (again and job.name == "setup"):
        steps.append(Step(purpose="go on with it", command=command(job.name, settings, job.options)))
    if job.name == "setup":
        # Of an update, a destroy takes away more than that has brought.
        undo = "undo it" if creating else "remove it all"
        steps.append(Step(purpose=undo, command=command("destroy", settings)))
    return tuple(steps)


def command(name: str, settings: Settings, options: Sequence[str] = ()) -> str:
    """The command line that does ``name`` at the same place."""
    places = [part for region in settings.regions for part in ("--region", region)]
    profile = ["--profile", settings.profile] if settings.profile else []
    return shlex.join(["plldb", "bootstrap", name, *places, *profile, *options])


def problem_lines(problem: Problem) -> list[Line]:
    """The failure screen above its last lines: cause, other failures, the state now."""
    lines = failure_lines(problem.failures)
    if problem.status and problem.failures:
        sentence = state_sentence(problem.stack, _known(problem.status))
        lines.append(Line(name="now", text=sentence))
    return lines


def closing_lines(problem: Problem, columns: int | None = None) -> list[str]:
    """The last lines, on stderr: what is wrong, the way out, and the commands for it.

    Sentences are broken between words at ``columns``; commands are not, so that they can be copied.
    """
    said = _sentence("error: ", problem.message, columns)
    if problem.hint:
        said += _sentence("hint: ", problem.hint, columns)
    width = max((len(step.purpose) for step in problem.steps), default=0)
    steps = [f"  {step.purpose + ':':<{width + 1}} {step.command}" for step in problem.steps]
    return [*said, *steps]


def _sentence(front: str, text: str, columns: int | None) -> list[str]:
    if columns is None:
        return [front + text]
    first, *more = wrap(clean(text), max(columns - len(front), NARROWEST))
    return [front + first, *(" " * len(front) + line for line in more)]


def failure_lines(failures: Sequence[Failure]) -> list[Line]:
    """Root cause first, then the rest, each with its reason in full."""
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
    return f"{failure.logical_id} ({failure.resource_type}) {failure.status}{took}{place}"


def _known(status: str) -> StackStatus | str:
    return StackStatus(status) if status in StackStatus.__members__ else status


def state_sentence(stack: str, status: StackStatus | str) -> str:
    """Says what state a stack is in, and what that means."""
    meaning = _meaning(status)
    return f"{stack} is in {status}{': ' if meaning else ''}{meaning}"


def _meaning(status: str) -> str:
    match status:
        case StackStatus.ROLLBACK_COMPLETE:
            return "what had been created is removed again"
        case StackStatus.UPDATE_ROLLBACK_COMPLETE | StackStatus.IMPORT_ROLLBACK_COMPLETE:
            return "it is as it was before the change"
        case StackStatus.ROLLBACK_FAILED | StackStatus.CREATE_FAILED | StackStatus.UPDATE_FAILED:
            return "some of its resources are left half-way"
        case StackStatus.UPDATE_ROLLBACK_FAILED | StackStatus.IMPORT_ROLLBACK_FAILED:
            return "some of its resources could not be set back"
        case StackStatus.DELETE_FAILED:
            return "some of its resources could not be deleted"
        case StackStatus.DELETE_COMPLETE:
            return "it is gone"
        case StackStatus.REVIEW_IN_PROGRESS:
            return "a change set was made for it, but it does not exist yet"
        case _:
            return "work goes on" if Status(status).in_progress else ""
