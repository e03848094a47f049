// Several people at the same approval, in browsers of their own: at once, too late,
// and after something else is asked than what is on their screen.
//
//     pages_approvals.mjs BINARY CHROMIUM FOLDER
//
// Prints a line for each check, and leaves pictures in FOLDER.

import { writeFileSync } from "node:fs";
import { createServer } from "node:http";

import { deploy } from "./deploying.mjs";
import { PHONE, accessible, check, fits, inABrowser, person, picture, signIn, text } from "./people.mjs";
import { inPlace } from "./place.mjs";
import { freePort } from "./provider.mjs";

/** Nobody has the other half of this key: Eve signs nothing. */
const EVES = "ed25519:7DanjWLNRGSCaJwYTKWyYTdx-rMkPQgo6kR1G02yRvQ";

/** Alex deploys; Dana and Eve approve, so many of them. */
const config = (required, approvers = '"dana", "eve"') => (publicKey) => `
user = "alex"
[people.dana]
${publicKey}
[people.eve]
public_key = "${EVES}"
[people.alex]
roles = ["operator", "admin"]
[[environments]]
name = "staging"
[[environments]]
name = "prod"
approval = { approvers = [${approvers}], required_approvals = ${required}, accept = ["signed", "web"], break_glass = { people = ["dana", "eve"] } }
[timing]
fastest_poll = "50ms"
`;

const token = (place, name) => place.run("token", "create", name, "--browser").trim();

async function at(browser, address, path, shown, options) {
  const visitor = await person(browser, address, options);
  await visitor.page.goto(path);
  await signIn(visitor.page, shown);
  return visitor.page;
}

const approve = (page) => page.getByRole("button", { name: "Approve" });

async function bothNeeded(browser, place) {
  const address = await place.serve();
  const [dana, eve] = [token(place, "dana"), token(place, "eve")];
  const first = await deploy(place, address, "a".repeat(40));
  const path = `/approvals/${first}`;
  const [danas, eves] = [await at(browser, address, path, dana), await at(browser, address, path, eve)];
  await danas.getByLabel("Reason").fill("dana looked at staging");
  await approve(danas).click();
  await eves.getByText("1 of 2 approvals").waitFor();
  check("who has not answered sees the first of two approvals come in", (await text(eves)).includes("dana looked at staging"), await text(eves));
  check("and may still answer what is on their screen", await approve(eves).isEnabled());
  await danas.getByText("You have answered").waitFor();
  await accessible(danas, "an approval that waits for somebody else");
  await picture(danas, "approval-one-of-two");
  await picture(eves, "approval-other-of-two");
  await approve(eves).click();
  await eves.getByText("Enough people approved it").waitFor();

  const second = await deploy(place, address, "b".repeat(40));
  for (const page of [danas, eves]) await page.goto(`/approvals/${second}`);
  const what = await text(danas);
  for (const words of ["agent that calls itself “agent/1”", "Started for", "alex", "SHOP-42", "The way back is aaaaaaaaaa", "break-glass", "2 of them", "production"]) {
    check(`an approver sees: ${words}`, what.includes(words), what);
  }
  await picture(danas, "approval-second-deployment");
  await Promise.all([approve(danas).dblclick(), approve(eves).dblclick()]);
  for (const page of [danas, eves]) await page.getByText("Enough people approved it").waitFor();
  const history = JSON.parse(place.run("history", second, "--json")).events;
  const decided = history.filter((it) => it.event === "DECISION_MADE").map((it) => it.by).sort().join();
  check("two who press twice at once approve once each", decided === "dana,eve", decided);
}

async function oneNeeded(browser, place, port) {
  const address = await place.serve(port);
  const [dana, eve] = [token(place, "dana"), token(place, "eve")];
  const first = await deploy(place, address, "a".repeat(40));
  const path = `/approvals/${first}`;
  const plain = { viewport: PHONE, javaScriptEnabled: false };
  const [danas, eves] = [await at(browser, address, path, dana), await at(browser, address, path, eve, plain)];
  await approve(danas).click();
  await danas.getByText("Enough people approved it").waitFor();
  await eves.getByRole("button", { name: "Reject" }).waitFor();
  await eves.getByLabel("Reason").fill("too late");
  await eves.getByRole("button", { name: "Reject" }).click();
  const told = await text(eves);
  check("the second of two is told that it was decided", told.includes("came too late") && told.includes("dana approved"), told);
  await picture(eves, "approval-too-late-phone");
  await fits(eves, "an answer that came too late");

  // Another deployment goes where this one is approved for, so people are asked anew.
  const [here, there] = [await deploy(place, address, "c".repeat(40)), await deploy(place, address, "d".repeat(40))];
  const other = await at(browser, address, `/approvals/${here}`, eve);
  for (const page of [danas, eves]) await page.goto(`/approvals/${there}`);
  await approve(other).click();
  await other.getByText("Enough people approved it").waitFor();
  await approve(danas).click();
  await danas.getByText("Request 1: Void").waitFor();
  await approve(danas).waitFor();
  const afresh = await text(danas);
  check("the next request says what became of the one before, and why", afresh.includes("does not count any more") && afresh.includes("has brought"), afresh);
  await picture(danas, "approval-asked-anew");
  await approve(eves).click();
  const refused = await text(eves);
  check("without a script an old page is refused in words", refused.includes("Something else is asked by now"), refused);

  // It is taken back, and asked once more, while somebody writes.
  await danas.getByLabel("Reason").fill("half a sentence");
  place.run("withdraw", there, "--reason", "one more look");
  await danas.getByText("This is not asked any more").waitFor();
  check("what is asked no more cannot be answered by mistake", await approve(danas).isDisabled());
  check("and what was written is still there", (await danas.getByLabel("Reason").inputValue()) === "half a sentence");
  await accessible(danas, "an approval that was taken back while it was open");
  await picture(danas, "approval-withdrawn-while-open");
  await danas.getByRole("link", { name: "Look again" }).click();
  await danas.getByRole("heading", { name: "The request was taken back" }).waitFor();
  place.run("ask", there);
  await approve(danas).waitFor();
  check("who looks at a request that was taken back gets the next one", (await text(danas)).includes("Request 2"), await text(danas));

  place.run("token", "revoke", dana.slice("dorc_".length).split("_")[0]);
  await approve(danas).click();
  await danas.getByText("You are not signed in any more").waitFor();
  const state = JSON.parse(place.run("status", there, "--json")).state;
  check("a visit ends with its token, and decides nothing", state === "awaiting-approval", state);

  // Its rules change; the server that knows the new ones asks anew.
  await place.stop();
  writeFileSync(place.environment.ORCHESTRATOR_CONFIG, config(1, '"eve"')(place.publicKey));
  await place.serve(port);
  await eves.goto(`/approvals/${there}`);
  await signIn(eves, eve);
  await eves.getByText("Request 3: Void").waitFor();
  const changed = await text(eves);
  check("what was asked under other rules is void, and other people are asked", /May decide\s+eve\s+Wanted/.test(changed), changed);

  const alex = token(place, "alex");
  const dark = await at(browser, address, `/deployments/${there}`, alex, { viewport: PHONE, colorScheme: "dark" });
  await accessible(dark, "a deployment on a phone in the dark");
  const operator = await at(browser, address, `/deployments/${there}`, alex, plain);
  await fits(operator, "a deployment");
  await operator.locator("summary", { hasText: "Cancel" }).click();
  check("cancelling says what it does", (await text(operator)).includes("Nobody is asked any more"), await text(operator));
  await picture(operator, "deployment-acts-phone");
  await operator.locator("#act-CANCEL").getByLabel("Why").fill("wrong commit");
  await operator.getByRole("button", { name: "Cancel" }).click();
  const badge = operator.locator("#now .badge");
  while ((await badge.innerText()) === "cancelling") await operator.reload();
  check("an operator cancels on a phone without a script", (await badge.innerText()) === "cancelled", await text(operator));

  const contrast = await at(browser, address, `/deployments/${first}`, eve, { forcedColors: "active", reducedMotion: "reduce" });
  await accessible(contrast, "a deployment in forced colours");
  await picture(contrast, "deployment-forced-colours");
  const shown = await contrast.locator(".notice, .card").first().evaluate((it) => getComputedStyle(it).borderTopStyle);
  check("in forced colours a card still has an edge", shown !== "none", shown);
  await contrast.goto(`/approvals/${there}`);
  await picture(contrast, "approval-ended-forced-colours");
  await contrast.goto("/");
  const animated = await contrast.evaluate(() => document.getAnimations().length);
  check("nothing moves for who wants less of it", animated === 0, animated);
}

// A message brings Dana to the page, and the page says who was told, and who could not be.
async function linked(browser, place, port) {
  const heard = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      const is_down = request.url === "/down";
      if (!is_down) heard.push(JSON.parse(body));
      response.writeHead(is_down ? 400 : 204).end();
    });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const there = `http://127.0.0.1:${receiver.address().port}`;
  const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  for (const [name, path] of [["HOOK", ""], ["DOWN", "/down"]]) {
    place.environment[`CHANNEL_${name}_URL`] = there + path;
    place.environment[`CHANNEL_${name}_SECRET`] = secret;
  }
  const address = await place.serve(port);
  const dana = token(place, "dana");
  const id = await deploy(place, address, "a".repeat(40));
  const question = () => heard.find((it) => it.data.approval);
  while (!question()) await new Promise((resolve) => receiver.once("request", resolve));
  const { page: about, approval } = question().data;
  check("a message links to the page about the deployment", about === `${address}/deployments/${id}`, about);
  const page = await at(browser, address, approval.page, dana);
  await approve(page).waitFor();
  check("and a question to the page on which people decide", page.url() === `${address}/approvals/${id}`, page.url());
  await page.goto(about);
  await page.locator("#messages .told.delivered").first().waitFor();
  await page.locator("#messages").getByText("down: tried").first().waitFor();
  const told = await page.locator("#messages").innerText();
  check("the page says who was told, when, and who could not be", /approval requested[\s\S]*hook: delivered/.test(told) && /down: tried .* next/.test(told), told);
  await page.locator("#steps summary").last().click();
  await accessible(page, "a deployment with messages");
  await picture(page, "deployment-with-messages");
  receiver.close();
}

await inABrowser("several people at an approval", async (browser, binary) => {
  await inPlace(binary, (place) => bothNeeded(browser, place), config(2));
  const port = await freePort();
  await inPlace(binary, (place) => oneNeeded(browser, place, port), config(1));
  const channels = `[http]\npublic_url = "http://127.0.0.1:${port}"\n[channels.hook]\nwebhook = {}\n[channels.down]\nwebhook = {}\n`;
  await inPlace(binary, (place) => linked(browser, place, port), (publicKey) => config(1)(publicKey) + channels);
});
