"""The official Python MCP SDK as a client of the real binary, over each way to reach it and in both eras.

    session.py BINARY

Prints a line for each check. The SDK validates every structured result against
the tool's output schema by itself; that is half of the point.
"""

import asyncio
import sys
import tempfile
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx2
import jsonschema
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitRequestFormParams, ElicitResult

from place import API_KEY, Place, simulated_harness

# Each way with the eras that it knows, and how the history calls it.
WAYS = (
    ("stdio", ("legacy", "2026-07-28"), "mcp-stdio"),
    ("/mcp", ("legacy", "2026-07-28"), "mcp-http"),
    ("/sse", ("legacy",), "mcp-http"),
    ("bridge", ("legacy", "2026-07-28"), "mcp-http"),
)

SIGNED = 'approvers = ["dana"]'
CONFIRMED = 'approvers = ["alex"], accept = ["client-confirmed"], allow_self_approval = true'

# Longer than a server may hold an answer back.
PATIENCE = 120


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


@dataclass
class Peer:
    """The SDK on one way to the server of a place, in one era. `log` is the server's."""

    place: Place
    checks: Checks
    way: str
    mode: str
    channel: str
    address: str
    log: Path

    @property
    def name(self) -> str:
        return f"{self.way}, {self.mode}"

    def check(self, name: str, holds: object, saw: object = "") -> None:
        self.checks.check(f"{self.name}: {name}", holds, saw)

    @asynccontextmanager
    async def client(self, **callbacks):
        bearer = {"Authorization": f"Bearer {self.place.token}"}
        with open(self.log, "a") as log:
            match self.way:
                case "stdio":
                    command = str(self.place.binary)
                    server = StdioServerParameters(command=command, args=["serve"], env=self.place.server)
                    transport = stdio_client(server, errlog=log)
                case "/mcp":
                    client = httpx2.AsyncClient(headers=bearer, timeout=PATIENCE)
                    transport = streamable_http_client(f"{self.address}/mcp", http_client=client)
                case "bridge":
                    command, connect = str(self.place.binary), ["serve", "--connect", f"{self.address}/mcp"]
                    env = {"ORCHESTRATOR_TOKEN": self.place.token}
                    transport = stdio_client(StdioServerParameters(command=command, args=connect, env=env), errlog=log)
                case "/sse":
                    transport = sse_client(f"{self.address}/sse", headers=bearer)
            async with Client(transport, mode=self.mode, **callbacks) as client:
                yield client


async def deployment(peer: Peer) -> None:
    async with peer.client() as client:
        await talk(peer, client)
    text = peer.log.read_text()
    secrets = [secret for secret in (API_KEY, peer.place.token) if secret in text]
    peer.check("no secret in the log", text and not secrets, secrets)


async def confirmation(peer: Peer) -> None:
    """A person at the client says no, then yes, to what the server asks."""
    asked = []

    async def person(_, question: ElicitRequestFormParams) -> ElicitResult:
        asked.append(question)
        if len(asked) == 1:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"approve": True})

    check = peer.check
    async with peer.client(elicitation_callback=person) as client:

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


async def talk(peer: Peer, client: Client) -> None:
    check = peer.check
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
        idempotency_key=f"python-{peer.way}-{peer.mode}",
    )
    check("a deployment starts", started["existing"] is False, started)
    id = started["deployment"]["deployment_id"]

    again = await call(
        "start_deployment",
        repository="acme/checkout",
        branch="main",
        commit_sha="9f3c2d1",
        target_environment="prod",
        idempotency_key=f"python-{peer.way}-{peer.mode}",
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

    person = peer.place.run("approve", id, "--as", "dana", "--yes")
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
    check("the history knows who did it", channels == {peer.channel, "engine", "command-line"}, channels)


async def wait(call, id: str, until: str) -> dict:
    for _ in range(4):
        status = await call("wait_for_deployment", deployment_id=id, until=until, timeout_seconds=15)
        if status["condition_met"]:
            break
    return status


def converse(checks: Checks, place: Place, conversation) -> None:
    for way, modes, channel in WAYS:
        # On standard input and output the client starts a server of its own.
        reached = nullcontext(("", place.folder / "stdio.log")) if way == "stdio" else place.served()
        with reached as (address, log):
            for mode in modes:
                peer = Peer(place, checks, way, mode, channel, address, log)
                try:
                    asyncio.run(asyncio.wait_for(conversation(peer), PATIENCE))
                except Exception as error:  # Every way to end early is a failed check.
                    peer.check(f"the {conversation.__name__} goes to its end", False, repr(error))


def main() -> int:
    binary = Path(sys.argv[1]).resolve()
    checks = Checks()
    for approval, conversation in ((SIGNED, deployment), (CONFIRMED, confirmation)):
        with tempfile.TemporaryDirectory() as name, simulated_harness(binary, Path(name)) as harness:
            place = Place(binary, Path(name), harness)
            place.prepare(approval)
            converse(checks, place, conversation)
    print(f"the Python SDK: {checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed or not checks.passed else 0


if __name__ == "__main__":
    sys.exit(main())
