// People at the page of numbers of the real binary, in a real browser.
//
//     pages_numbers.mjs BINARY CHROMIUM FOLDER
//
// Prints a line for each check, and leaves pictures in FOLDER.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { deploy } from "./deploying.mjs";
import { PHONE, accessible, check, config, fits, inABrowser, person, picture, signIn, text } from "./people.mjs";
import { inPlace } from "./place.mjs";

const DAY = 24 * 3600 * 1000;

const HOUR = DAY / 24;

const ago = (ms) => new Date(Date.now() - ms).toISOString();

/** Four weeks of another tool: one deployment on most days, each of two commits; every seventh fails. */
function imported() {
  const deployments = ["service,repository,environment,commit,result,started,finished,kind"];
  const commits = ["repository,commit,committed,deployed_with"];
  for (let day = 28; day > 1; day -= 1) {
    if (day % 5 === 0) continue;
    const sha = (number) => number.toString(16).padStart(40, "a");
    const at = day * DAY;
    const result = day % 7 === 3 ? "failed" : "succeeded";
    const kind = day % 7 === 2 ? "hotfix" : "deploy";
    deployments.push(`checkout,acme/checkout,prod,${sha(2 * day)},${result},${ago(at + HOUR)},${ago(at)},${kind}`);
    // One lay about for three weeks.
    const older = day === 12 ? 21 * DAY : (day % 4) * 3 * HOUR + 5 * HOUR;
    commits.push(`acme/checkout,${sha(2 * day)},${ago(at + 2 * HOUR)},${sha(2 * day)}`);
    commits.push(`acme/checkout,${sha(2 * day + 1)},${ago(at + older)},${sha(2 * day)}`);
  }
  const incidents = [
    "id,service,began,resolved",
    `INC-1,checkout,${ago(8.9 * DAY)},${ago(8.5 * DAY)}`,
    `INC-2,checkout,${ago(1.5 * DAY)},`,
    `INC-3,elsewhere,${ago(3 * DAY)},`,
  ];
  return { deployments, commits, incidents };
}

function importAll(place) {
  for (const [what, lines] of Object.entries(imported())) {
    const file = join(place.folder, `${what}.csv`);
    writeFileSync(file, `${lines.join("\n")}\n`);
    place.run("import", what, file);
  }
}

/** The values of a card's numbers, as the program has them. */
const values = (page, title) =>
  page.locator("article", { has: page.getByRole("heading", { name: title }) }).locator("data").evaluateAll((all) => all.map((it) => it.value));

async function looking(browser, place) {
  const address = await place.serve();
  const dana = place.run("token", "create", "dana", "--browser").trim();
  const { page, complaints } = await person(browser, address);
  await page.goto("/numbers?window=12w&environment=prod");
  await signIn(page, dana);
  check("who signs in comes back to the numbers that were asked for", page.url().endsWith("/numbers?window=12w&environment=prod"), page.url());
  check("nothing is said where nothing ended", (await text(page)).includes("Nothing ended in the window"), await text(page));
  await accessible(page, "numbers of nothing");
  await picture(page, "numbers-empty");

  importAll(place);
  for (const [number, verdict] of ["Approve", "Approve", "Reject"].entries()) {
    await page.goto(`/approvals/${await deploy(place, address, `${number}`.repeat(40))}`);
    await page.getByLabel("Reason").fill("seen");
    await page.getByRole("button", { name: verdict }).click();
    await page.locator("#question .badge", { hasText: verdict === "Approve" ? "completed" : "failed" }).waitFor();
  }

  await page.getByRole("link", { name: "Numbers" }).click();
  await page.getByRole("heading", { name: "checkout in prod" }).waitFor();
  const [row] = JSON.parse(place.run("--json", "metrics")).dora;
  const lead = row.change_lead_time;
  const expected = [lead.median_ms, lead.p90_ms, lead.by_commit, lead.unknown].filter((it) => it > 0).map(String);
  const seen = await values(page, "Change lead time");
  check("the page has the numbers of the command line", expected.length > 2 && expected.every((it) => seen.includes(it)), [expected, seen]);
  const charts = page.getByRole("img");
  const names = await charts.evaluateAll((all) => all.map((it) => it.getAttribute("aria-label")));
  check("every chart has a name of its own", names.length > 6 && new Set(names).size === names.length && names.every(Boolean), names);
  await accessible(page, "the numbers");
  await picture(page, "numbers");

  for (const summary of await page.locator("summary").all()) await summary.click();
  await page.getByRole("cell", { name: "no new commit" }).first().waitFor();
  check("what is not known has no number", !(await text(page)).includes("NaN"));
  await accessible(page, "the numbers as tables");
  await picture(page, "numbers-tables");
  await page.emulateMedia({ colorScheme: "dark" });
  await accessible(page, "the numbers in the dark");
  await picture(page, "numbers-dark");
  await page.emulateMedia({ colorScheme: "light", forcedColors: "active" });
  await picture(page, "numbers-forced-colours");
  await page.emulateMedia({ forcedColors: "none" });

  await page.getByLabel("Window", { exact: true }).fill("soon <b>");
  const [refused] = await Promise.all([page.waitForResponse(/numbers/), page.getByRole("button", { name: "Show" }).click()]);
  const kept = await page.getByLabel("Window", { exact: true }).inputValue();
  check("a window that is none is refused, and kept in the form", refused.status() === 400 && kept === "soon <b>", [refused.status(), kept]);
  check("and it is said what one is", (await page.getByRole("alert").innerText()).includes("such as 30d"), await text(page));
  await accessible(page, "a refused window");
  await picture(page, "numbers-refused");
  await page.getByRole("link", { name: "12 weeks" }).click();
  await page.getByRole("heading", { name: "checkout in prod" }).waitFor();
  check("the browser complains of nothing", complaints.length === 0, complaints);

  const phone = await person(browser, address, { viewport: PHONE, javaScriptEnabled: false });
  await phone.page.goto("/numbers");
  await signIn(phone.page, dana);
  await phone.page.getByLabel("Service", { exact: true }).selectOption("checkout");
  await phone.page.getByLabel("Window", { exact: true }).fill("1h");
  await phone.page.getByRole("button", { name: "Show" }).click();
  await phone.page.getByRole("heading", { name: "On the way there" }).waitFor();
  check("the form works without a script", new URL(phone.page.url()).searchParams.get("window") === "1h", phone.page.url());

  const small = await person(browser, address, { viewport: PHONE });
  await small.page.goto("/numbers");
  await signIn(small.page, dana);
  for (const summary of await small.page.locator("summary").all()) await summary.click();
  await fits(small.page, "numbers");
  await accessible(small.page, "the numbers on a phone");
  await picture(small.page, "numbers-phone");
}

await inABrowser("people at the numbers", (browser, binary) => inPlace(binary, (place) => looking(browser, place), config("1h")));
