// People at the board of the real binary, in a real browser, while others act from elsewhere.
//
//     pages_board.mjs BINARY CHROMIUM FOLDER

import { deploy, start } from "./deploying.mjs";
import { PHONE, accessible, check, config, fits, inABrowser, person, picture, signIn, text } from "./people.mjs";
import { inPlace } from "./place.mjs";

const HOSTILE = "<img src=x onerror=alert(1)> needs <b>all</b> of it";

const closed = `
[[freezes]]
name = "office-hours"
kind = "window"
reason = "prod is deployed to while people watch"
cron = "0 9 1 1 *"
duration = "1h"
time_zone = "Europe/Berlin"
environments = ["prod"]
`;

// Dana has the board open, and touches nothing while alex is at a command line.
async function following(browser, place) {
  const address = await place.serve();
  const { page, complaints } = await person(browser, address);
  await page.goto("/");
  await signIn(page, place.run("token", "create", "dana", "--browser").trim());
  const says = async (what) => {
    await page.getByText(what).first().waitFor();
    check(`an open board says without a reload: ${what}`, true);
  };
  await says("Nothing is locked or frozen.");
  await page.locator("#live", { hasText: "Live" }).waitFor();
  await picture(page, "board-nothing");
  await accessible(page, "a board of nothing");

  place.run("lock", "staging", "--service", "checkout", "--reason", HOSTILE);
  await says("staging for checkout by alex");
  const shown = await page.locator("#closures").innerText();
  check("a reason is shown as it was written", shown.includes(HOSTILE), shown);
  place.run("lock", "prod", "--reason", "the database is being moved");
  await says("prod by alex");

  const ids = [];
  for (const commit of ["a", "b", "c"]) ids.push(await start(place, address, commit.repeat(40)));
  await says("alex has locked it");
  await picture(page, "board-locked");
  await accessible(page, "a board with locks");

  place.run("unlock", "staging", "--service", "checkout", "--reason", "done");
  await page.locator("#needs-somebody", { hasText: "(3)" }).waitFor();
  await page.locator("#in-flight a").first().focus();
  place.run("cancel", ids[0], "--reason", "two are enough");
  await page.locator("#needs-somebody", { hasText: "(2)" }).waitFor();
  const focus = await page.evaluate(() => document.activeElement.closest("#in-flight") !== null);
  check("who stands on a link of what changes goes on standing there", focus);

  place.run("unlock", "prod", "--reason", "done");
  await says("Nothing is locked or frozen.");
  place.run("freeze-agents", "--reason", "one of them runs wild");
  await says("All agents are stopped");
  await picture(page, "board-in-flight");
  await accessible(page, "a board with much on it");
  await page.emulateMedia({ colorScheme: "dark" });
  await accessible(page, "a board in the dark");
  await picture(page, "board-dark");

  await page.context().setOffline(true);
  place.run("lock", "staging", "--reason", "nobody hears of this");
  await page.locator("#live", { hasText: "Not " }).waitFor({ timeout: 40_000 });
  check("a board that hears nothing more says so", true);
  await page.context().setOffline(false);
  await says("nobody hears of this");
  await page.locator("#live", { hasText: /^Live$/ }).waitFor();

  const small = await person(browser, address, { viewport: PHONE });
  await small.page.goto("/");
  await signIn(small.page, place.run("token", "create", "dana", "--browser").trim());
  await small.page.getByText("nobody hears of this").waitFor();
  await fits(small.page, "a board with much on it");
  await accessible(small.page, "a board with much on it on a phone");
  await picture(small.page, "board-much-phone");
  for (const those of [complaints, small.complaints]) {
    check("the browser complains of nothing", those.length === 0, those);
  }
}

// More is on its way than anybody wants to read at once.
async function crowded(browser, place) {
  const address = await place.serve();
  await deploy(place, address, "d".repeat(40));
  place.run("lock", "staging", "--reason", "nobody goes on");
  for (let number = 0; number < 16; number += 1) {
    await start(place, address, "e".repeat(40), { repository: `acme/service-${number}` });
  }
  const { page } = await person(browser, address);
  await page.goto("/");
  await signIn(page, place.run("token", "create", "dana", "--browser").trim());
  const more = page.getByRole("link", { name: "more: show all that are on the way" });
  await page.locator("#kept-out", { hasText: "(16)" }).waitFor();
  await more.waitFor();
  const few = await page.locator("#in-flight article").count();
  check("of many the newest twelve are shown, and whatever needs somebody", few === 13, few);
  await picture(page, "board-crowded");
  await accessible(page, "a crowded board");
  await more.click();
  await page.getByRole("link", { name: "Show fewer" }).waitFor();
  place.run("freeze-agents", "--reason", "a reason to look again");
  await page.getByText("a reason to look again").waitFor();
  const all = await page.locator("#in-flight article").count();
  check("all are shown where that is asked for, and stay when it changes", all === 17, all);
  check("a window that is over says until when", (await text(page)).includes("prod by office-hours until"), await text(page));
}

await inABrowser("people at the board", async (browser, binary) => {
  await inPlace(binary, (place) => following(browser, place), config("1h"));
  await inPlace(binary, (place) => crowded(browser, place), (publicKey) => config("1h")(publicKey) + closed);
});
