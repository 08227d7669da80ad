// Looks again at a job until something has happened to it, and shows that. Without it there is a link.
"use strict";
let wait = 1000;
async function look() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html,application/xhtml+xml" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("main"), shown = document.querySelector("main");
    if (answer.ok && now && now.innerHTML !== shown.innerHTML && !shown.contains(document.activeElement)) {
      shown.replaceChildren(...now.childNodes);
      document.title = page.title;
      wait = 1000;
    }
    if (!page.querySelector("script[src*='job.js']")) return;
  } catch { /* away for a moment: look again later */ }
  wait = Math.min(wait * 1.3, 10000);
  setTimeout(look, wait);
}
setTimeout(look, wait);
