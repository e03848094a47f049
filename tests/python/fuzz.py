"""A fuzzer of MCP servers against the real binary, on standard input and output and over HTTP.

    fuzz.py BINARY

Prints a line for each check. The fuzzer has no idea of what a server should take, so
its findings are judged here. It calls every answer that is no refusal an acceptance of
something malformed: it is one if the arguments do not fit the tool's own schema. And it
minds that a refusal says what was refused, which is JSON that nobody executes.

Not judged are the messages that are no calls of tools. The protocol lets a client add
whatever it likes to them, and to notifications there is no answer at all. Some are not
JSON (the fuzzer writes Infinity): over HTTP those are refused, and on standard input
rmcp passes over them in silence.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import nullcontext
from pathlib import Path

import jsonschema

from place import COMMAND_SECONDS, started

SEED = "1"
RUNS = 25
# The fuzzer calls each tool so often with arguments of a kind, of which it has two.
KINDS = 2
# Of one call, and of all.
ANSWER_SECONDS = "5"
PATIENCE = 240

# The fuzzer asks faster than any agent.
CONFIG = "[http]\nrequests_per_second = 10000\n"
HTTP = ("--http", "127.0.0.1:0", "--allow-anonymous-loopback")

JUDGED = {"accepted_malformed", "injection_reflection"}

LIST_TOOLS = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    },
}


def schemas(server: list, environment: dict) -> dict:
    """The schema of what each tool takes."""
    said = subprocess.run(
        server, env=environment, input=json.dumps(LIST_TOOLS) + "\n", text=True, capture_output=True, timeout=COMMAND_SECONDS
    )
    tools = json.loads(said.stdout)["result"]["tools"]
    return {tool["name"]: tool["inputSchema"] for tool in tools}


def fuzz(protocol: str, endpoint: str, environment: dict, folder: Path) -> tuple[int, dict, list]:
    """Its exit code, its summary and its findings."""
    command = [sys.executable, "-m", "mcp_fuzzer", "--protocol", protocol, "--endpoint", endpoint]
    command += ["--mode", "all", "--phase", "both", "--protocol-phase", "aggressive", "--seed", SEED]
    command += ["--runs", str(RUNS), "--timeout", ANSWER_SECONDS, "--no-corpus", "--no-network"]
    command += ["--fail-if-no-tools", "--output-dir", "found"]
    ended = subprocess.run(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE
    )
    read = lambda name: json.loads((folder / "found" / name).read_text())
    return ended.returncode, read("run_summary.json"), read("findings.json")["findings"]


def judge(check, tools: dict, code: int, summary: dict, findings: list) -> None:
    check("it goes to its end", code == 0 and summary["status"] == "completed", (code, summary["status"]))
    fuzzed = summary["tools"]["by_name"]
    calls = {name: tool["total_runs"] for name, tool in fuzzed.items()}
    check("every tool is called", calls == {name: RUNS * KINDS for name in tools}, calls)
    total = lambda outcome: sum(tool["outcomes"][outcome] for tool in fuzzed.values())
    check("nothing crashes", total("crashed") + total("exceptions") == 0, fuzzed)
    check("every call is answered in time", total("anomaly") == 0, fuzzed)
    taken = [(it["target"], it["evidence"]["input"]) for it in findings if is_acceptance(it)]
    misfits = [it for it in taken if not jsonschema.Draft202012Validator(tools[it[0]]).is_valid(it[1])]
    check("what is taken fits the schema", taken and not misfits, misfits)
    others = [it for it in findings if it["category"] not in JUDGED]
    check("nothing else is found", not others, others)


def is_acceptance(finding: dict) -> bool:
    return finding["kind"] == "tool" and finding["category"] == "accepted_malformed"


def is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=COMMAND_SECONDS) as answer:
            return answer.status == 200
    except OSError:
        return False


def attack(binary: Path, protocol: str, folder: Path) -> int:
    """How many checks failed."""
    failed = 0

    def check(name: str, holds: object, saw: object) -> None:
        nonlocal failed
        failed += 0 if holds else 1
        print(f"ok {protocol}: {name}" if holds else f"not ok {protocol}: {name}: {saw}", flush=True)

    (folder / "config.toml").write_text(CONFIG)
    environment = {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "PATH": os.environ.get("PATH", ""),
        "ORCHESTRATOR_CONFIG": str(folder / "config.toml"),
        "PYTHONHASHSEED": SEED,
    }
    server = [str(binary), "serve", "--simulate"]
    tools = schemas(server, environment)
    over_http = protocol != "stdio"
    served = started([*server, *HTTP], environment, subprocess.DEVNULL) if over_http else nullcontext("")
    with served as address:
        endpoint = f"{address}/mcp" if over_http else " ".join(server)
        judge(check, tools, *fuzz(protocol, endpoint, environment, folder))
        if over_http:
            check("the server is healthy after that", is_healthy(address), "it is not")
    return failed


def main() -> int:
    binary = Path(sys.argv[1]).resolve()
    failed = 0
    for protocol in ("stdio", "streamablehttp"):
        with tempfile.TemporaryDirectory() as name:
            failed += attack(binary, protocol, Path(name))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
