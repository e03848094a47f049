"""Where a conversation takes place: the real binary with a home of its own, before a simulated Harness."""

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

API_KEY = "pat.acme.python.never-to-be-seen"
COMMAND_SECONDS = 60

# Every pipeline succeeds at once.
SCRIPT = "pipelines = {}\nother_pipelines = {}\n"

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

    def prepare(self, approval: str) -> None:
        """Give production this rule, dana a key, and agents that act for alex a token."""
        made = self.run("keygen", "--as", "dana")
        public_key = next(line for line in made.stdout.splitlines() if line.startswith("public_key"))
        (self.folder / "config.toml").write_text(CONFIG.format(public_key=public_key, approval=approval))
        self.token = self.run("token", "create", "alex", "--agent").stdout.strip()

    @contextmanager
    def served(self):
        """A server over HTTP; where it is, and its log."""
        log = self.folder / "http.log"
        with open(log, "w") as errors:
            with started([self.binary, "serve", "--http", "127.0.0.1:0"], self.server, errors) as address:
                yield address, log


@contextmanager
def simulated_harness(binary: Path, folder: Path):
    script = folder / "script.toml"
    script.write_text(SCRIPT)
    with started([binary, "simulate-harness", "--addr", "127.0.0.1:0", "--script", script], None, None) as address:
        yield address


@contextmanager
def started(command, environment, errors):
    """A server that says where it is in its first line. It ends with the block."""
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield re.search(r"http://[0-9.:]+", child.stdout.readline()).group()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
