// Keeps a page up to date, shows times in the zone of whoever looks, and says when
// a request for approval is on their screen. Pages work without it.
"use strict";

const shown = new Map();

function localTimes(within) {
  const formatTo = (timeStyle) => new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle });
  const [toTheMinute, toTheSecond] = [formatTo("short"), formatTo("medium")];
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (isNaN(at)) continue;
    time.title = time.textContent.trim();
    time.textContent = (time.matches(".exact") ? toTheSecond : toTheMinute).format(at);
  }
}

// Remember how each part came, because it is changed afterwards.
function remember(within) {
  for (const part of within.querySelectorAll("[data-live]")) shown.set(part.id, part.innerHTML);
}

// Ask for the page again, and put in the parts that are no longer as they were. What there is to say of that.
async function refresh() {
  const page = location.pathname + location.search;
  const answer = await fetch(page, { credentials: "same-origin", redirect: "manual" });
  if (answer.type === "opaqueredirect") return "Signed out: reload the page";
  if (!answer.ok) throw new Error(answer.status);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  askAnew(fresh);
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const here = document.getElementById(part.id);
    if (!here || shown.get(part.id) === part.innerHTML || isWrittenIn(here)) continue;
    const focus = here.contains(document.activeElement) ? places(here).indexOf(document.activeElement) : -1;
    const key = (it, index) => it.id || index;
    const open = new Map([...here.querySelectorAll("details")].map((it, index) => [key(it, index), it.open]));
    const written = [...here.querySelectorAll("input[id]")].map((it) => [it.id, it.value]);
    shown.set(part.id, part.innerHTML);
    here.replaceChildren(...document.importNode(part, true).childNodes);
    here.querySelectorAll("details").forEach((it, index) => { it.open = open.get(key(it, index)) ?? false; });
    for (const [id, value] of written) {
      const field = document.getElementById(id);
      if (field) field.value = value;
    }
    localTimes(here);
    if (focus >= 0) places(here)[Math.min(focus, places(here).length - 1)]?.focus({ preventScroll: true });
  }
  countDown();
  return stream?.readyState === EventSource.CLOSED ? REFUSED : "Live";
}

// An answer is to what is on the screen. Once something else is asked, it is not taken
// any more; where nothing was asked, there is nothing on the screen to be lost.
function askAnew(fresh) {
  const asked = (page) => {
    const form = page.getElementById("answer");
    return form && `${form.request.value} ${form.digest.value}`;
  };
  const [before, now] = [asked(document), asked(fresh)];
  if (before === now) return;
  if (before === null) { location.replace(location.pathname); return; }
  for (const button of document.querySelectorAll("#answer button")) button.disabled = true;
  document.getElementById("stale").hidden = false;
}

function countDown() {
  for (const left of document.querySelectorAll("[data-until]")) {
    const seconds = Math.max(0, Math.floor((new Date(left.dataset.until) - Date.now()) / 1000));
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    left.textContent = hours ? `${hours}h ${minutes}m` : minutes ? `${minutes}m` : `${seconds}s`;
  }
}

// Whoever writes is not interrupted; whoever only stands somewhere goes on standing there.
const isWrittenIn = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, form button");
const places = (part) => [...part.querySelectorAll("a, button, summary, [tabindex]")];

const says = document.getElementById("live");
const REFUSED = "Not live: reload the page";
let stream;

function say(what) {
  if (says && says.textContent !== what) says.textContent = what;
}

// One look at a time, and one more if something happens meanwhile, or soon if it could not be had.
const SOON = 3_000;
let looking = false;
let again = false;
let later;

async function look() {
  if (looking) { again = true; return; }
  looking = true;
  clearTimeout(later);
  try {
    say(await refresh());
  } catch {
    say("Not up to date: trying again…");
    later = setTimeout(look, SOON);
  }
  looking = false;
  if (again) { again = false; look(); }
}

remember(document);
localTimes(document);
countDown();
setInterval(countDown, 1000);

// Once, and not before somebody can see it: a page may be loaded and never looked at.
function saySeen() {
  if (document.visibilityState !== "visible") return;
  document.removeEventListener("visibilitychange", saySeen);
  const body = new URLSearchParams(new FormData(seen));
  fetch(seen.action, { method: "POST", body, credentials: "same-origin", redirect: "error" }).catch(() => {});
}

const seen = document.getElementById("seen");
if (seen) {
  document.addEventListener("visibilitychange", saySeen);
  saySeen();
}

const news = document.body.dataset.events;
if (news) {
  say("Connecting…");
  stream = new EventSource(news);
  stream.addEventListener("change", look);
  stream.addEventListener("open", look);
  // The browser tries again by itself where the connection was lost, and not where it was refused.
  stream.addEventListener("error", () => {
    say(stream.readyState === EventSource.CLOSED ? REFUSED : "Not live: connecting again…");
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
}
