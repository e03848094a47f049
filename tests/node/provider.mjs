// An OpenID provider with one person, who has a password of one letter. It is another site than
// the server: there `localhost`, here 127.0.0.1, which browsers keep apart.

import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createServer } from "node:http";

const encoded = (value) => Buffer.from(value).toString("base64url");

/** Serve until `close`; `subject` is whoever signs in. */
export async function provider(subject) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k", use: "sig" };
  const codes = new Map();
  let signedInAt;

  const signed = (claims) => {
    const said = [{ alg: "EdDSA", kid: "k", typ: "JWT" }, claims].map((it) => encoded(JSON.stringify(it))).join(".");
    return `${said}.${encoded(sign(null, Buffer.from(said), privateKey))}`;
  };
  const now = () => Math.floor(Date.now() / 1000);

  const answers = {
    "/.well-known/openid-configuration": (issuer) => ({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      authorization_response_iss_parameter_supported: true,
    }),
    "/keys": () => ({ keys: [jwk] }),
    "/token": (issuer, body) => {
      const asked = codes.get(body.get("code"));
      codes.delete(body.get("code"));
      const challenge = createHash("sha256").update(body.get("code_verifier")).digest("base64url");
      if (asked?.get("code_challenge") !== challenge) return { error: "invalid_grant" };
      const audience = asked.get("client_id");
      const claims = { iss: issuer, aud: audience, sub: subject, nonce: asked.get("nonce") };
      return { id_token: signed({ ...claims, iat: now(), exp: now() + 300, auth_time: signedInAt }) };
    },
  };

  const server = createServer(async (request, response) => {
    const issuer = `http://${request.headers.host}`;
    const url = new URL(request.url, issuer);
    let body = "";
    for await (const piece of request) body += piece;
    const answer = answers[url.pathname];
    if (answer) {
      const said = answer(issuer, new URLSearchParams(body));
      response.writeHead(said.error ? 400 : 200, { "content-type": "application/json" }).end(JSON.stringify(said));
      return;
    }
    if (url.pathname !== "/authorize") {
      response.writeHead(404).end();
      return;
    }
    const asked = url.searchParams;
    const anew = asked.get("prompt") === "login";
    if (request.method === "GET" && (signedInAt === undefined || anew)) {
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<title>Provider</title><form method="post"><label>Password <input name="p" type="password"></label><button>Continue</button></form>`);
      return;
    }
    if (request.method === "POST") signedInAt = now();
    const code = randomUUID();
    codes.set(code, asked);
    const back = new URL(asked.get("redirect_uri"));
    back.search = new URLSearchParams({ code, state: asked.get("state"), iss: issuer });
    response.writeHead(302, { location: back.href }).end();
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return {
    issuer: `http://localhost:${server.address().port}`,
    /** As if the person had signed in there so many seconds ago. */
    age: (seconds) => (signedInAt = now() - seconds),
    close: () => server.close(),
  };
}

/** A port on which nobody listens. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
