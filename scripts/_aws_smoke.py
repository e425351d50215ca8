"""The checks of ``scripts/aws-smoke``, in the caller's AWS account. Talks to AWS and to plldb."""

from __future__ import annotations

import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

PLLDB = [sys.executable, "-m", "plldb"]
NAME = f"plldb-smoke-{secrets.token_hex(3)}"
CODE = "def handler(event, context):\n    return {'by': 'cloud', 'event': event}\n"
LOCAL = """
def handler(event, context):
    if event == "fail":
        raise ValueError("it fails here")
    return {"by": "laptop", "event": event}
"""
LOGS = "service-role/AWSLambdaBasicExecutionRole"
ROLE = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
}
TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": ROLE,
                "ManagedPolicyArns": [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{LOGS}"}],
            },
        },
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/aws/lambda/{NAME}"}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "DependsOn": "Log",
            "Properties": {
                "FunctionName": NAME,
                "Runtime": f"python3.{min(sys.version_info.minor, 13)}",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 9,
                "Code": {"ZipFile": CODE},
            },
        },
    }
}


def run_plldb(*words: str, codes: tuple[int, ...] = (0,)) -> tuple[str, str]:
    """What plldb says on its two outputs; it must end with one of these exit codes."""
    ran = subprocess.run([*PLLDB, *words], capture_output=True, text=True, timeout=900, check=False)
    said = (ran.stdout + ran.stderr)[-500:]
    assert ran.returncode in codes, f"plldb {' '.join(words[:2])} ended with {ran.returncode}: {said}"
    return ran.stdout, ran.stderr


def read_plldb(*words: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """The last line of plldb's JSON; it must be a result."""
    out, err = run_plldb(*words, "--output", "json", codes=codes)
    last: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert "result" in last, (out + err)[-500:]
    return last


class Session:
    """``plldb attach``, and the lines that it says."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.process = subprocess.Popen(
            [*PLLDB, *words, "--output", "json"], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def wait_for(self, kind: str, seconds: float = 120) -> dict[str, Any]:
        """The next line of a kind."""
        give_up = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(give_up - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"no {kind} in {seconds:.0f} s") from None
            if line["kind"] == kind:
                return line

    def end(self, number: signal.Signals) -> int:
        """The exit code after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=300)


class Smoke:
    """The checks, in their order; each returns a remark and raises what is wrong."""

    def __init__(self, folder: Path) -> None:
        session = botocore.session.get_session()
        # As plldb finds it: botocore does not know this variable, and would act in another region.
        region = os.environ.get("AWS_REGION") or None
        self.sts: Any = session.create_client("sts", region_name=region)
        self.cloudformation: Any = session.create_client("cloudformation", region_name=region)
        self.functions: Any = session.create_client("lambda", region_name=region)
        where = ("--code", str(folder), "--python", sys.executable)
        self.words = ("attach", NAME, "--yes", "--no-debug", *where)
        self.session: Session | None = None
        self.before: dict[str, Any] = {}
        self.deployed = False
        self.set_up_here = False  # only what was not there before is destroyed

    def checks(self) -> list[tuple[str, Callable[[], object]]]:
        return [
            ("plldb is ready for this account", lambda: run_plldb("doctor") and None),
            ("a function is deployed", self.deploy),
            ("plldb is set up", self.set_up),
            ("its stack is healthy", lambda: read_plldb("bootstrap", "status")["result"]),
            ("setting up again changes nothing", lambda: read_plldb("bootstrap", "setup")["result"]),
            ("the deployed code answers", lambda: self.invoke(1, "cloud")),
            ("plldb attaches", self.attach),
            ("status tells of the session", self.look),
            ("this machine answers", lambda: self.invoke(2, "laptop")),
            ("and once more", lambda: self.invoke(3, "laptop")),
            ("2 MB there and back", lambda: self.invoke(secrets.token_hex(1_000_000), "laptop")),
            ("an error here is the function's", self.fail),
            ("an asynchronous invocation comes here", self.invoke_later),
            ("a second attach is refused and told why", self.attach_twice),
            ("Ctrl-C puts the function back", lambda: self.detach(signal.SIGINT)),
            ("it is as before", self.compare),
            ("the deployed code answers again", lambda: self.invoke(4, "cloud")),
            ("plldb attaches again", self.attach),
            ("after a kill the deployed code answers", self.kill),
            ("plldb restore puts the function back", self.restore),
        ]

    def deploy(self) -> None:
        self.deployed = True
        self.cloudformation.create_stack(
            StackName=NAME, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"]
        )
        waiter = self.cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName=NAME, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
        self.before = self.settings()

    def set_up(self) -> str:
        found = read_plldb("bootstrap", "status", codes=(0, 1))["result"]
        self.set_up_here = found == "not_deployed"
        done = str(read_plldb("bootstrap", "setup")["result"])
        return done if self.set_up_here else f"{done}, was there before"

    def settings(self) -> dict[str, Any]:
        """What attaching changes."""
        found = self.functions.get_function_configuration(FunctionName=NAME)
        told = {name: found.get(name) or None for name in ("Layers", "Timeout", "Handler")}
        return {**told, "Environment": (found.get("Environment") or {}).get("Variables") or None}

    def invoke(self, event: object, by: str) -> str:
        began = time.monotonic()
        answer = self.functions.invoke(FunctionName=NAME, Payload=json.dumps(event))
        told = json.loads(answer["Payload"].read())
        assert told == {"by": by, "event": event}, str(told)[:300]
        return f"{(time.monotonic() - began) * 1000:.0f} ms"

    def fail(self) -> str:
        answer = self.functions.invoke(FunctionName=NAME, Payload=b'"fail"')
        told = json.loads(answer["Payload"].read())
        assert answer.get("FunctionError"), told
        assert told["errorMessage"] == "it fails here", told
        assert self.session
        while self.session.wait_for("invocation_finished")["outcome"] != "failed":
            pass  # of the invocations before
        return str(answer["FunctionError"])

    def invoke_later(self) -> None:
        assert self.session
        self.functions.invoke(FunctionName=NAME, InvocationType="Event", Payload=b"5")
        assert self.session.wait_for("invocation_finished")["outcome"] == "answered"

    def attach(self) -> str:
        began, self.session = time.monotonic(), Session(self.words)
        self.session.wait_for("attached")
        return f"{time.monotonic() - began:.1f} s"

    def look(self) -> None:
        told = read_plldb("status", NAME)
        assert (told["result"], len(told["functions"])) == ("armed", 1), told

    def attach_twice(self) -> None:
        said = "".join(run_plldb(*self.words, codes=(1,)))
        assert "you have it in another session" in said, said
        assert "--take-over" in said, said

    def detach(self, number: signal.Signals) -> None:
        assert self.session
        code = self.session.end(number)
        assert code == 0, f"exit code {code}"

    def compare(self) -> None:
        now = self.settings()
        assert now == self.before, f"{now} instead of {self.before}"

    def kill(self) -> str:
        assert self.session
        self.session.end(signal.SIGKILL)
        time.sleep(3)  # until API Gateway knows
        return self.invoke(6, "cloud")

    def restore(self) -> None:
        run_plldb("restore", NAME)
        self.compare()

    def clean_up(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """What is to be deleted, whatever has happened."""
        if self.session and self.session.process.poll() is None:
            yield "the session is ended", lambda: self.session and self.session.end(signal.SIGINT)
        if self.deployed:
            if self.session:
                yield "the function is restored", lambda: run_plldb("restore", NAME) and None
            if self.set_up_here:
                yield "plldb's stack is deleted", lambda: run_plldb("bootstrap", "destroy", "--yes") and None
            yield "the function's stack is deleted", self.delete

    def delete(self) -> None:
        self.cloudformation.delete_stack(StackName=NAME)
        waiter = self.cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=NAME, WaiterConfig={"Delay": 2, "MaxAttempts": 300})


def tell(number: int, title: str, check: Callable[[], object]) -> bool:
    """Run a check and say in one line how it went."""
    try:
        remark = check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what this is for
        print(f"failed {number:>3}  {title}: {type(error).__name__}: {error}", flush=True)
        return False
    print(f"ok     {number:>3}  {title}{f' ({remark})' if remark else ''}", flush=True)
    return True


@contextmanager
def cleaning(smoke: Smoke) -> Iterator[None]:
    """Clean up at the end, also after Ctrl-C or a closed terminal."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # or something would stay
        left = [title for title, work in smoke.clean_up() if not tell(0, title, work)]
        print(f"Left behind, look for {NAME}: {left}" if left else "Nothing is left behind.", flush=True)


def main() -> int:
    """Ask, check, clean up; 0 if all is well."""
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as folder:
        (Path(folder) / "index.py").write_text(LOCAL)
        try:
            smoke = Smoke(Path(folder))
            who = smoke.sts.get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            print(f"AWS cannot be asked who you are: {error}", file=sys.stderr)
            return 1
        where = f"account {who['Account']}, region {smoke.functions.meta.region_name}, as {who['Arn']}"
        print(f"plldb is set up and tried in {where}.")
        if "--yes" not in sys.argv and input("Go on? [y/N] ").strip().lower() != "y":
            return 1
        with cleaning(smoke):
            for number, (title, check) in enumerate(smoke.checks(), 1):
                if not tell(number, title, check):
                    return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
