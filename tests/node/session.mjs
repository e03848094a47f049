// Other people's clients from npm start a deployment with the real binary, follow it to
// its gate, and do not get past it.
//
//     session.mjs BINARY
//
// Prints a line for each check.

import { createHash } from "node:crypto";

import { inspector, sdk1, sdk2 } from "./clients.mjs";
import { inPlace } from "./place.mjs";

const TODAY = "2026-07-28";

/** Each client with an era that it knows, and the ways on which it knows it. */
const PEERS = [
  ["TypeScript SDK 1", sdk1, "legacy", ["stdio", "/mcp", "/sse"]],
  ["TypeScript SDK 2", sdk2, "legacy", ["stdio", "/mcp", "/sse"]],
  ["TypeScript SDK 2", sdk2, TODAY, ["stdio", "/mcp"]],
  ["Inspector", inspector, "legacy", ["stdio", "/mcp", "/sse"]],
  ["Inspector", inspector, TODAY, ["stdio", "/mcp"]],
];

const WANTED = ["start_deployment", "wait_for_deployment", "approve", "transition", "get_status"];

let failed = 0;

function check(name, holds, saw) {
  if (!holds) failed += 1;
  console.log(holds ? `ok ${name}` : `not ok ${name}: ${JSON.stringify(saw)}`);
}

async function converse(peer, name) {
  const says = (what, holds, saw) => check(`${name}: ${what}`, holds, saw);
  const gives = async (tool, args) => {
    const { isError, content, structuredContent } = await peer.call(tool, args);
    if (isError) throw new Error(`${tool}: ${JSON.stringify(content)}`);
    return structuredContent;
  };

  const tools = (await peer.list()).map((tool) => tool.name);
  says("tools are listed", WANTED.every((tool) => tools.includes(tool)), tools);

  const commit = createHash("sha1").update(name).digest("hex");
  const wish = { repository: "acme/checkout", branch: "main", commit_sha: commit };
  const started = await gives("start_deployment", wish);
  const id = started.deployment.deployment_id;
  says("a deployment starts", started.existing === false, started);

  const waited = await gives("wait_for_deployment", { deployment_id: id, until: "attention", timeout_seconds: 30 });
  says("it waits for people", waited.state === "awaiting-approval", waited);

  const asked = await gives("approve", { deployment_id: id });
  says("approve approves nothing", asked.approved === false, asked);

  const refused = await peer.call("transition", { deployment_id: id, event: "APPROVED" });
  const { code } = refused.structuredContent ?? {};
  says("APPROVED is refused", refused.isError && code === "guard-refused", refused);

  const status = await gives("get_status", { deployment_id: id });
  says("and it still waits", status.state === "awaiting-approval", status);
}

/** Every way to end early is a failed check. */
async function meet(name, open) {
  let peer;
  try {
    peer = await open();
    await converse(peer, name);
  } catch (error) {
    check(`${name}: it goes to its end`, false, String(error));
  } finally {
    await peer?.close();
  }
}

async function main(binary) {
  await inPlace(binary, async (place) => {
    for (const way of ["stdio", "/mcp", "/sse"]) {
      const peers = PEERS.filter(([, , , ways]) => ways.includes(way));
      // On standard input and output each client starts a server of its own.
      const address = way === "stdio" || peers.length === 0 ? undefined : await place.serve();
      for (const [client, open, era] of peers) {
        const name = `${client}, ${way}, ${era}`;
        await meet(name, () => open(place, era, way, address));
      }
    }
  });
  process.exitCode = failed ? 1 : 0;
}

await main(process.argv[2]);
