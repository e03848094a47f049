// Where a conversation takes place: the real binary with a home of its own, before a
// simulated Harness in which every pipeline succeeds at once.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const CONFIG = (publicKey) => `
user = "alex"
[people.dana]
${publicKey}
[people.alex]
roles = ["operator", "admin"]
[[environments]]
name = "prod"
approval = { approvers = ["dana"] }
[timing]
fastest_poll = "50ms"
`;

const SCRIPT = "pipelines = {}\nother_pipelines = {}\n";

/** Call `visit` with a place that ends with it, or with this program. */
export async function inPlace(binary, visit, config = CONFIG) {
  const folder = mkdtempSync(join(tmpdir(), "place-"));
  const children = [];
  process.once("exit", () => children.forEach((child) => child.kill()));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  try {
    await visit(await prepared(binary, folder, children, config));
  } finally {
    for (const child of children) await ended(child);
    rmSync(folder, { recursive: true });
  }
}

async function prepared(binary, folder, children, config) {
  const people = {
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_DATA_HOME: folder,
    ORCHESTRATOR_DB: join(folder, "orchestrator.db"),
    ORCHESTRATOR_CONFIG: join(folder, "config.toml"),
  };
  const run = (...args) => execFileSync(binary, args, { env: people, encoding: "utf8", stdio: "pipe" });
  const publicKey = run("keygen", "--as", "dana").match(/^public_key.*$/m)[0];
  writeFileSync(people.ORCHESTRATOR_CONFIG, config(publicKey));
  const token = run("token", "create", "alex", "--agent").trim();

  const script = join(folder, "script.toml");
  writeFileSync(script, SCRIPT);
  const start = async (args, env) => {
    const child = spawn(binary, args, { env, stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    for await (const line of createInterface(child.stdout)) return line.match(/http:\/\/[0-9.:]+/)[0];
    throw new Error(`${args[0]} has ended`);
  };
  const environment = {
    ...people,
    HARNESS_BASE_URL: await start(["simulate-harness", "--addr", "127.0.0.1:0", "--script", script], people),
    HARNESS_API_KEY: "pat.acme.node.secret",
    HARNESS_ACCOUNT_ID: "acme",
    HARNESS_ORG_ID: "default",
    HARNESS_PROJECT_ID: "shop",
  };
  /** Serve over HTTP; where. */
  const serve = (port = 0) => start(["serve", "--http", `127.0.0.1:${port}`], environment);
  /** Serve a trial, without a config and to Olga: where, and the commands beside it. */
  const trial = async () => {
    const alone = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, USER: "olga" };
    const address = await start(["serve", "--simulate", "--http", "127.0.0.1:0"], alone);
    const db = join(folder, "deployment-orchestrator", "simulated.db");
    const command = (...args) => execFileSync(binary, ["--db", db, ...args], { env: alone, encoding: "utf8", stdio: "pipe" });
    return { address, run: command };
  };
  /** End the server that was started last. */
  const stop = () => ended(children.pop());
  return { binary, environment, folder, token, publicKey, serve, trial, stop, run };
}

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  return new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill();
  });
}
