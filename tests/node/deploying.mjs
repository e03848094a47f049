// An agent that starts a deployment, with nothing but HTTP.

const REVISION = "2026-07-28";

async function call(address, token, name, args) {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "agent", version: "1" },
  };
  const answer = await fetch(new URL("/mcp", address), {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": REVISION,
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args, _meta: meta } }),
  });
  const said = await answer.text();
  const json = said.startsWith("{") ? [said] : said.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
  const message = json.filter((line) => line.trim()).map((line) => JSON.parse(line)).find((it) => it.id === 1);
  if (!message?.result || message.result.isError) throw new Error(`${name}: ${said}`);
  return message.result.structuredContent;
}

/** Start a commit towards prod, with these arguments beside the usual; the id. */
export async function start({ token }, address, commit, more = {}) {
  const started = await call(address, token, "start_deployment", {
    repository: "acme/checkout",
    branch: "main",
    commit_sha: commit,
    jira_issues: ["SHOP-42"],
    commits: [
      { sha: commit, author: "kim", message: "Round prices up, and never down" },
      { sha: "9".repeat(40), author: "sam", message: "Say what is in the cart <b>before</b> paying" },
    ],
    ...more,
  });
  return started.deployment.deployment_id;
}

/** Start a commit towards prod, and wait until people are asked; the id. */
export async function deploy(place, address, commit) {
  const id = await start(place, address, commit);
  await call(address, place.token, "wait_for_deployment", { deployment_id: id, until: "attention", timeout_seconds: 30 });
  return id;
}
