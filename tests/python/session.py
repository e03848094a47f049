"""The official Python MCP SDK as a client of the real binary, in both eras of the protocol,
on standard input and output, through a bridge, and over HTTP+SSE.

    session.py BINARY

Prints a line for each check. The SDK validates every structured result against
the tool's output schema by itself; that is half of the point.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import jsonschema
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.types import ElicitRequestFormParams, ElicitResult

API_KEY = "pat.acme.python.never-to-be-seen"
COMMAND_SECONDS = 60
SCRIPT = "other_pipelines = {}\n"
CONFIG = """\
user = "alex"

[people.dana]
{public_key}

[people.alex]
roles = ["operator", "approver", "admin"]

[[environments]]
name = "dev"

[[environments]]
name = "staging"

[[environments]]
name = "prod"
approval = {{ {approval} }}

[timing]
fastest_poll = "50ms"
"""


SIGNED = 'approvers = ["dana"]'
CONFIRMED = 'approvers = ["alex"], accept = ["client-confirmed"], allow_self_approval = true'


class Checks:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, name: str, holds: object, saw: object = "") -> None:
        if holds:
            self.passed += 1
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {name}: {saw}", flush=True)


class Place:
    """A home of its own for the server and the people."""

    def __init__(self, binary: Path, folder: Path, harness: str) -> None:
        self.binary = binary
        self.folder = folder
        self.people = {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "PATH": os.environ.get("PATH", ""),
            "ORCHESTRATOR_DB": str(folder / "orchestrator.db"),
            "ORCHESTRATOR_CONFIG": str(folder / "config.toml"),
        }
        self.server = self.people | {
            "HARNESS_BASE_URL": harness,
            "HARNESS_API_KEY": API_KEY,
            "HARNESS_ACCOUNT_ID": "acme",
            "HARNESS_ORG_ID": "default",
            "HARNESS_PROJECT_ID": "shop",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binary, *arguments], env=self.people, text=True, capture_output=True, timeout=COMMAND_SECONDS
        )

    def prepare(self) -> None:
        made = self.run("keygen", "--as", "dana")
        self.public_key = next(line for line in made.stdout.splitlines() if line.startswith("public_key"))

    def rule(self, approval: str) -> None:
        (self.folder / "config.toml").write_text(CONFIG.format(public_key=self.public_key, approval=approval))


@contextmanager
def simulated_harness(binary: Path, folder: Path):
    script = folder / "script.toml"
    script.write_text(SCRIPT)
    child = subprocess.Popen(
        [binary, "simulate-harness", "--addr", "127.0.0.1:0", "--script", script],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        first = child.stdout.readline()
        yield next(word.rstrip(";") for word in first.split() if word.startswith("http://"))
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@contextmanager
def stdio(place: Place, log):
    """A server that the client starts."""
    yield stdio_client(StdioServerParameters(command=str(place.binary), args=["serve"], env=place.server), errlog=log)


@contextmanager
def served(place: Place, log):
    """A server over HTTP, and a token for it."""
    token = place.run("token", "create", "alex", "--agent").stdout.strip()
    child = subprocess.Popen(
        [place.binary, "serve", "--http", "127.0.0.1:0"], env=place.server, stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        yield child.stdout.readline().split()[-1], token
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()


@contextmanager
def bridge(place: Place, log):
    """A bridge that the client starts, to a server over HTTP."""
    with served(place, log) as (url, token):
        home = {"HOME": str(place.folder / "elsewhere"), "ORCHESTRATOR_TOKEN": token}
        yield stdio_client(
            StdioServerParameters(command=str(place.binary), args=["serve", "--connect", url], env=home), errlog=log
        )


@contextmanager
def sse(place: Place, log):
    """HTTP+SSE of 2024-11-05."""
    with served(place, log) as (url, token):
        yield sse_client(url.removesuffix("/mcp") + "/sse", headers={"Authorization": f"Bearer {token}"})


async def session(checks: Checks, place: Place, way, mode: str) -> None:
    def check(name: str, holds: object, saw: object = "") -> None:
        checks.check(f"{way.__name__}, {mode}: {name}", holds, saw)

    with open(place.folder / f"{way.__name__}-{mode}.log", "w+") as log:
        with way(place, log) as transport:
            async with Client(transport, mode=mode) as client:
                await talk(check, client, place, way, mode)
        log.seek(0)
        text = log.read()
        check("no secret in the log", API_KEY not in text, "the API key")


async def confirmation(checks: Checks, place: Place, way, mode: str) -> None:
    """A person at the client says no, then yes, to what the server asks."""

    def check(name: str, holds: object, saw: object = "") -> None:
        checks.check(f"{way.__name__}, {mode}: {name}", holds, saw)

    asked = []

    async def person(_, question: ElicitRequestFormParams) -> ElicitResult:
        asked.append(question)
        if len(asked) == 1:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"approve": True})

    with open(place.folder / f"{way.__name__}-{mode}.log", "a") as log, way(place, log) as transport:
        async with Client(transport, mode=mode, elicitation_callback=person) as client:

            async def call(name: str, /, **arguments):
                result = await client.call_tool(name, arguments)
                assert not result.is_error, f"{name}: {result.content}"
                return result.structured_content

            started = await call("start_deployment", repository="acme/pay", branch="main", commit_sha="9f3c2d1")
            id = started["deployment"]["deployment_id"]
            await wait(call, id, "attention")
            declined = await call("approve", deployment_id=id)
            check("who declines approves nothing", declined["approved"] is False, declined)
            shown = [declined["request"]["digest"], "9f3c2d1", "deploy_prod"]
            check("the question shows what will happen", all(it in asked[0].message for it in shown), asked[0].message)
            confirmed = await call("approve", deployment_id=id)
            check("who confirms approves", confirmed["approved"] is True, confirmed)
            caveats = confirmed["deployment"]["caveats"]
            check("everybody is told how little that proves", any("no human is proved" in it for it in caveats), caveats)
            status = await wait(call, id, "ended")
            check("it completes", status["state"] == "completed", status)
            events = (await call("get_history", deployment_id=id, limit=100))["events"]
            decided = [(event["by"], event["assurance"]) for event in events if event["event"] == "DECISION_MADE"]
            check("the history names the person and the proof", decided == [("alex", "client-confirmed")], decided)


async def talk(check, client: Client, place: Place, way, mode: str) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    wanted = {"start_deployment", "transition", "approve", "get_status", "wait_for_deployment", "list_deployments"}
    check("tools are listed", wanted <= tools.keys(), sorted(tools))
    check("every tool has an output schema", all(tool.output_schema for tool in tools.values()))
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    check("every schema is a schema", True)

    async def call(name: str, /, **arguments):
        """The structured content; the SDK raises where it breaks the output schema."""
        result = await client.call_tool(name, arguments)
        assert not result.is_error, f"{name}: {result.content}"
        jsonschema.validate(result.structured_content, tools[name].output_schema)
        return result.structured_content

    started = await call(
        "start_deployment",
        repository="acme/checkout",
        branch="main",
        commit_sha="9f3c2d1",
        target_environment="prod",
        idempotency_key=f"{way.__name__}-{mode}",
    )
    check("a deployment starts", started["existing"] is False, started)
    id = started["deployment"]["deployment_id"]

    again = await call(
        "start_deployment",
        repository="acme/checkout",
        branch="main",
        commit_sha="9f3c2d1",
        target_environment="prod",
        idempotency_key=f"{way.__name__}-{mode}",
    )
    check("the same key gives the same deployment", again["existing"] and again["deployment"]["deployment_id"] == id)

    status = await wait(call, id, "attention")
    check("it waits for people", status["state"] == "awaiting-approval", status["state"])

    asked = await call("approve", deployment_id=id)
    check("approve by an agent approves nothing", asked["approved"] is False, asked)
    status = await call("get_status", deployment_id=id)
    check("and it still waits", status["state"] == "awaiting-approval", status["state"])

    refused = await client.call_tool("transition", {"deployment_id": id, "event": "APPROVED"})
    check("APPROVED by an agent is refused", refused.is_error and refused.structured_content["code"], refused)

    refused = await client.call_tool("approve", {"deployment_id": id, "confirm": True})
    code = refused.structured_content["code"]
    check("confirm: true is no argument", refused.is_error and code == "malformed-argument", refused)

    missing = await client.call_tool("get_status", {"deployment_id": "dep_00000000000000000000000000"})
    code = missing.structured_content["code"]
    check("an unknown deployment is said to be that", missing.is_error and code == "unknown-deployment", missing)

    person = place.run("approve", id, "--as", "dana", "--yes")
    check("a person approves by the command line", person.returncode == 0, person.stderr)

    status = await wait(call, id, "ended")
    check("it completes", status["state"] == "completed", status)

    full = await call("get_status", deployment_id=id, detail="full")
    states = [entry["state"] for entry in full["timeline"]]
    check("its timeline ends with completed", states[-1] == "completed", states)

    listed = await call("list_deployments", active=False)
    check("it is listed", id in [line["deployment_id"] for line in listed["deployments"]], listed)

    history = await call("get_history", deployment_id=id, limit=100)
    channels = {event["channel"] for event in history["events"]}
    mine = "mcp-stdio" if way is stdio else "mcp-http"
    check("the history knows who did it", channels == {mine, "engine", "command-line"}, channels)


async def wait(call, id: str, until: str) -> dict:
    for _ in range(4):
        status = await call("wait_for_deployment", deployment_id=id, until=until, timeout_seconds=15)
        if status["condition_met"]:
            break
    return status


WAYS = (
    (stdio, "legacy"),
    (stdio, "2026-07-28"),
    (bridge, "legacy"),
    (bridge, "2026-07-28"),
    (sse, "legacy"),
)


def main() -> int:
    binary = Path(sys.argv[1]).resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated_harness(binary, folder) as harness:
            place = Place(binary, folder, harness)
            place.prepare()
            for approval, conversation in ((SIGNED, session), (CONFIRMED, confirmation)):
                place.rule(approval)
                for way, mode in WAYS:
                    try:
                        asyncio.run(asyncio.wait_for(conversation(checks, place, way, mode), 120))
                    except Exception as error:  # Every way to end early is a failed check.
                        name = f"{way.__name__}, {mode}: the {conversation.__name__} goes to its end"
                        checks.check(name, False, repr(error))
    print(f"the Python SDK: {checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed or not checks.passed else 0


if __name__ == "__main__":
    sys.exit(main())
