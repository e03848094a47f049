// People at the pages of the real binary, in a real browser.
//
//     pages.mjs BINARY CHROMIUM FOLDER
//
// Prints a line for each check, and leaves pictures in FOLDER.

import { deploy } from "./deploying.mjs";
import { PHONE, accessible, check, config, fits, inABrowser, person, picture, signIn, text } from "./people.mjs";
import { inPlace } from "./place.mjs";
import { freePort, provider } from "./provider.mjs";

async function approving(browser, place) {
  const address = await place.serve();
  const dana = place.run("token", "create", "dana", "--browser").trim();
  const alex = place.run("token", "create", "alex", "--browser").trim();

  const { page, complaints } = await person(browser, address);
  await page.goto("/");
  await accessible(page, "the sign-in");
  await picture(page, "sign-in");
  await signIn(page, "dorc_wrong");
  check("a wrong token is refused in words", (await text(page)).includes("this is not a token"), await text(page));
  await signIn(page, dana);
  await page.getByText("Nothing was deployed so far").waitFor();
  await picture(page, "board-empty");
  await accessible(page, "the empty board");

  const events = (id) => JSON.parse(place.run("history", id, "--json")).events;
  const looks = (id) => events(id).filter((it) => it.event === "REQUEST_SEEN");
  const first = await deploy(place, address, "a".repeat(40));
  await page.locator("#in-flight article .badge", { hasText: "awaiting approval" }).waitFor();
  check("the board shows a deployment move without being reloaded", true);
  await picture(page, "board");
  await accessible(page, "the board");

  // As from a chat: the browser keeps the cookie to itself at first.
  await page.goto(`data:text/html,<a href="${address}/approvals/${first}">look</a>`);
  await page.getByText("look").click();
  await page.getByRole("button", { name: "Approve" }).waitFor();
  check("a link of another site leads somebody who is signed in to the approval", true);
  await picture(page, "approval");
  await accessible(page, "an approval");
  await page.getByText("dana opened this request").waitFor();
  check("a request on the screen of who is asked is noted", looks(first).map((it) => it.by).join() === "dana", events(first));
  await page.reload();
  await page.getByText("dana opened this request").waitFor();
  const shown = await page.locator("#question time").first().innerText();
  check("times are in the zone of whoever looks", !shown.includes("UTC"), shown);

  const own = await person(browser, address);
  await own.page.goto(`/approvals/${first}`);
  await signIn(own.page, alex);
  await own.page.getByText("You cannot approve this").waitFor();
  const refused = await text(own.page);
  const closed = (await own.page.getByRole("button", { name: "Approve" }).count()) === 0;
  check("the initiator cannot approve, and is told why", closed && refused.includes("another person approves"), refused);
  check("once, and of nobody else", looks(first).length === 1, events(first));
  await picture(own.page, "approval-initiator");
  await accessible(own.page, "the initiator's approval");

  await page.getByLabel("Reason").fill("tested in staging");
  await page.getByRole("button", { name: "Approve" }).dblclick();
  await page.getByText("Enough people approved it").waitFor();
  await page.locator("#question .badge", { hasText: "completed" }).waitFor();
  const done = await text(page);
  check("a double click approves once, with the reason", done.match(/tested in staging/g).length === 1, done);
  await picture(page, "approval-decided");
  await accessible(page, "a decided approval");

  await page.goto(`/deployments/${first}`);
  await picture(page, "deployment");
  await accessible(page, "a deployment");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator("summary").last().click();
  await accessible(page, "a deployment in the dark, with its history");
  await picture(page, "deployment-dark");

  const second = await deploy(place, address, "b".repeat(40));
  await page.goto(`/approvals/${second}`);
  await accessible(page, "an approval in the dark");
  await picture(page, "approval-dark");
  await page.getByLabel("Reason").fill("not on a Friday");
  await page.getByRole("button", { name: "Reject" }).click();
  await page.getByText("Somebody rejected it").waitFor();
  await page.goBack();
  const button = page.getByRole("button", { name: "Approve" });
  if ((await button.count()) && (await button.isEnabled())) await button.click();
  await page.getByText("Somebody rejected it").waitFor();
  check("the back button changes nothing of a decision", true);

  const third = await deploy(place, address, "c".repeat(40));
  const phone = await person(browser, address, { viewport: PHONE, javaScriptEnabled: false });
  await phone.page.goto(`/approvals/${third}`);
  await signIn(phone.page, dana);
  const utc = await phone.page.locator("#question time").first().innerText();
  check("without a script times are in UTC", utc.endsWith("UTC"), utc);
  await phone.page.getByRole("button", { name: "Approve" }).click();
  await phone.page.locator("#question .notice.good").waitFor();
  check("without a script nobody is noted", looks(third).length === 0, events(third));
  check("somebody approves on a phone without a script", (await text(phone.page)).includes("dana approved"), await text(phone.page));

  const fourth = await deploy(place, address, "d".repeat(40));
  const small = await person(browser, address, { viewport: PHONE });
  await small.page.goto("/");
  await signIn(small.page, dana);
  await small.page.locator("#in-flight article").waitFor();
  for (const [name, path] of [["board", "/"], ["approval", `/approvals/${fourth}`], ["deployment", `/deployments/${fourth}`]]) {
    await small.page.goto(path);
    await fits(small.page, `the ${name}`);
    await accessible(small.page, `the ${name} on a phone`);
    await picture(small.page, `${name}-phone`);
  }
  for (const those of [complaints, own.complaints, small.complaints]) {
    check("the browser complains of nothing", those.length === 0, those);
  }
}

async function expiring(browser, place) {
  const address = await place.serve();
  const dana = place.run("token", "create", "dana", "--browser").trim();
  const id = await deploy(place, address, "e".repeat(40));
  const { page } = await person(browser, address);
  await page.goto(`/approvals/${id}`);
  await signIn(page, dana);
  await page.getByRole("button", { name: "Approve" }).waitFor();
  await page.getByText("Nobody decided in time").waitFor({ timeout: 30_000 });
  check("a page that is open says that the request has expired", true);
  await page.getByText("This is not asked any more").waitFor();
  check("and takes no answer to it", await page.getByRole("button", { name: "Approve" }).isDisabled());
  await picture(page, "approval-expired");
  await accessible(page, "an approval that has expired");
}

// Dana signs in at a provider that has signed her in an hour ago.
async function signingInElsewhere(browser, place, port, elsewhere) {
  const address = await place.serve(port);
  const id = await deploy(place, address, "f".repeat(40));
  const { page, complaints } = await person(browser, address);
  await page.goto(`/approvals/${id}`);
  await accessible(page, "the sign-in with two ways");
  await picture(page, "sign-in-two-ways");
  elsewhere.age(3600);
  await page.getByRole("button", { name: "Sign in at" }).click();
  const again = page.getByRole("button", { name: "Sign in again at" });
  await again.waitFor();
  check("who is signed in at the provider is signed in here, and led on", page.url().endsWith(`/approvals/${id}`), page.url());
  check("who signed in there long ago cannot decide yet", (await page.getByRole("button", { name: "Approve" }).count()) === 0);
  await accessible(page, "an approval before signing in again");
  await picture(page, "approval-sign-in-again");

  await page.getByLabel("Reason").fill("tested <b>in</b> staging");
  await again.click();
  await page.getByLabel("Password").fill("p");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Approve" }).waitFor();
  const kept = await page.getByLabel("Reason").inputValue();
  check("what was written is still there after signing in again", kept === "tested <b>in</b> staging", kept);
  check("coming back decides nothing", (await page.getByText("Enough people approved it").count()) === 0);
  const before = page.url();
  check("no code stays in the address", !before.includes("code="), before);
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Enough people approved it").waitFor();
  const history = place.run("--json", "history", id);
  check("the history says how she was signed in", history.includes('"web-openid"'), history);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in at" }).waitFor();
  check("the browser complains of nothing", complaints.length === 0, complaints);
}

await inABrowser("people at the pages", async (browser, binary) => {
  await inPlace(binary, (place) => approving(browser, place), config("1h"));
  await inPlace(binary, (place) => expiring(browser, place), config("8s"));
  const [elsewhere, port] = [await provider("id|dana"), await freePort()];
  const signIn = `[http]\npublic_url = "http://127.0.0.1:${port}"\n[http.sign_in]\nissuer = "${elsewhere.issuer}"\nclient_id = "deployer"\n`;
  const known = (publicKey) => config("1h")(`${publicKey}\nopenid_subject = "id|dana"`) + signIn;
  await inPlace(binary, (place) => signingInElsewhere(browser, place, port, elsewhere), known);
  elsewhere.close();
});
