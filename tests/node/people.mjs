// People at the pages in a real browser, and what is checked of every page. A script
// that uses this is called with
//
//     BINARY CHROMIUM FOLDER
//
// prints a line for each check, and leaves pictures in FOLDER.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { chromium } from "playwright-core";

const [binary, executablePath, folder] = process.argv.slice(2);

export const PHONE = { width: 360, height: 740 };

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Alex starts deployments and may approve those of others; Dana approves. */
export const config = (expires) => (publicKey) => `
user = "alex"
[people.dana]
${publicKey}
[people.alex]
roles = ["operator", "approver", "admin"]
[[environments]]
name = "staging"
[[environments]]
name = "prod"
approval = { approvers = ["dana", "alex"], accept = ["signed", "web"], expires_after = "${expires}" }
[timing]
fastest_poll = "50ms"
`;

let failed = 0;

/** Say whether something `holds`, and where it does not, what was seen instead. */
export function check(name, holds, saw) {
  if (!holds) failed += 1;
  console.log(holds ? `ok ${name}` : `not ok ${name}: ${JSON.stringify(saw)}`);
}

/** Call `visit` with a browser and the binary. Ends this program; what is thrown has failed. */
export async function inABrowser(name, visit) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    await visit(browser, binary);
  } catch (error) {
    check(name, false, String(error.stack ?? error));
  } finally {
    await browser.close();
  }
  process.exit(failed === 0 ? 0 : 1);
}

/** A browser of somebody's own. What it complains of is a failure. */
export async function person(browser, address, options = {}) {
  const context = await browser.newContext({ baseURL: address, locale: "en-GB", timezoneId: "Asia/Tokyo", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, complaints };
}

export async function signIn(page, token) {
  await page.getByLabel("Your token for the browser").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

export async function picture(page, name) {
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Check that axe finds nothing on the page. */
export async function accessible(page, name) {
  await page.evaluate(AXE);
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), WCAG);
  const violations = found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.target).join(" ")}`);
  check(`axe finds nothing on ${name}`, violations.length === 0, violations);
}

export const text = (page) => page.locator("main").innerText();

/** Check that nothing of the page is wider than a phone. */
export async function fits(page, name) {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  check(`${name} fits a phone`, width <= PHONE.width, width);
}
