// Keeps a page up to date, shows times in the zone of whoever looks, and says when
// a request for approval is on their screen. Pages work without it.
"use strict";

const shown = new Map();

function localTimes(within) {
  const format = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (isNaN(at)) continue;
    time.title = time.textContent.trim();
    time.textContent = format.format(at);
  }
}

// Remember how each part came, because it is changed afterwards.
function remember(within) {
  for (const part of within.querySelectorAll("[data-live]")) shown.set(part.id, part.innerHTML);
}

// Ask for the page again, and put in the parts that are no longer as they were.
async function refresh() {
  const answer = await fetch(location.pathname, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const here = document.getElementById(part.id);
    if (!here || shown.get(part.id) === part.innerHTML || here.contains(document.activeElement)) continue;
    const open = [...here.querySelectorAll("details")].map((it) => it.open);
    shown.set(part.id, part.innerHTML);
    here.replaceChildren(...document.importNode(part, true).childNodes);
    here.querySelectorAll("details").forEach((it, index) => { it.open = open[index] ?? false; });
    localTimes(here);
  }
}

// One look at a time, and one more if something happens meanwhile.
let looking = false;
let again = false;

async function look() {
  if (looking) { again = true; return; }
  looking = true;
  try { await refresh(); } catch { /* The next news asks again. */ }
  looking = false;
  if (again) { again = false; look(); }
}

remember(document);
localTimes(document);

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
  const says = document.getElementById("live");
  const stream = new EventSource(news);
  stream.addEventListener("change", look);
  stream.addEventListener("open", () => { if (says) says.textContent = "Live"; look(); });
  stream.addEventListener("error", () => { if (says) says.textContent = "Not live: reload the page"; });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
}
