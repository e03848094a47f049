// Somebody who tries it out, with nothing configured, in a browser.
//
//     pages_trial.mjs BINARY CHROMIUM FOLDER
//
// Prints a line for each check, and leaves a picture in FOLDER.

import { deploy } from "./deploying.mjs";
import { check, inABrowser, person, picture, signIn, text } from "./people.mjs";
import { inPlace } from "./place.mjs";

async function tryingOut(browser, place) {
  const { address, run } = await place.trial();
  const token = run("token", "create", "olga", "--agent").trim();
  const id = await deploy({ token }, address, "a".repeat(40));
  const { page, complaints } = await person(browser, address);
  await page.goto(`/approvals/${id}`);
  await signIn(page, run("token", "create", "olga", "--browser").trim());
  await page.getByRole("button", { name: "Approve" }).waitFor();
  const asked = await text(page);
  check("a trial says that it is one", asked.includes("trial policy") && asked.includes("simulated Harness"), asked);
  await picture(page, "approval-trial");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Enough people approved it").waitFor();
  check("whoever tries it out approves on the page", true);
  check("the browser complains of nothing", complaints.length === 0, complaints);
}

await inABrowser("somebody who tries it out", async (browser, binary) => {
  await inPlace(binary, (place) => tryingOut(browser, place));
});
