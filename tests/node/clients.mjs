// Other people's clients, as one shape: `list()`, `call(tool, arguments)`, `close()`.
// Each is opened for one era of the protocol and one way to the server of a place.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import * as v1 from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import * as v2 from "@modelcontextprotocol/client";
import * as v2stdio from "@modelcontextprotocol/client/stdio";

const INSPECTOR = fileURLToPath(new URL("node_modules/.bin/mcp-inspector", import.meta.url));

/** What the Inspector exits with when a tool has refused. */
const TOOL_REFUSED = 5;

const ME = { name: "session", version: "1" };

/** The TypeScript SDK before 2026-07-28. */
export async function sdk1(place, _era, way, address) {
  const transports = { StdioClientTransport, StreamableHTTPClientTransport, SSEClientTransport };
  return opened(new v1.Client(ME), transportTo(transports, place, way, address));
}

/** The TypeScript SDK of today, which speaks both eras. */
export async function sdk2(place, era, way, address) {
  const mode = era === "legacy" ? era : { pin: era };
  const client = new v2.Client(ME, { versionNegotiation: { mode } });
  return opened(client, transportTo({ ...v2, ...v2stdio }, place, way, address));
}

function transportTo(sdk, place, way, address) {
  if (way === "stdio") {
    const { binary: command, environment: env } = place;
    return new sdk.StdioClientTransport({ command, args: ["serve"], env, stderr: "ignore" });
  }
  const url = new URL(way, address);
  const requestInit = { headers: { Authorization: `Bearer ${place.token}` } };
  return way === "/sse"
    ? new sdk.SSEClientTransport(url, { requestInit })
    : new sdk.StreamableHTTPClientTransport(url, { requestInit });
}

async function opened(client, transport) {
  await client.connect(transport);
  return {
    list: async () => (await client.listTools()).tools,
    call: (name, args) => client.callTool({ name, arguments: args }),
    close: () => client.close(),
  };
}

/** The Inspector's command line: a process for each call, which finds every weakness of a schema. */
export async function inspector(place, era, way, address) {
  const environment = Object.entries(place.environment).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const server =
    way === "stdio"
      ? [place.binary, "serve", ...environment]
      : ["--server-url", `${address}${way}`, "--header", `Authorization: Bearer ${place.token}`];
  const options = ["--protocol-era", era === "legacy" ? era : "modern", "--format", "json"];
  const ask = (...method) => inspected([...server, ...options, "--method", ...method], place.environment.HOME);
  return {
    list: async () => (await ask("tools/list", "--strict")).tools,
    call: (name, args) => ask("tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(args)),
    close: async () => {},
  };
}

function inspected(args, home) {
  const env = { ...process.env, HOME: home };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [INSPECTOR, "--cli", ...args], { env }, (error, stdout, stderr) => {
      if (error && error.code !== TOOL_REFUSED) reject(new Error(`exit ${error.code}: ${stdout} ${stderr}`));
      else resolve(JSON.parse(stdout).result);
    });
  });
}
