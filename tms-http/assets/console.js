// What must move on the pages of the console. Every page works without it.

const LEAST_PAUSE_MS = 2_000; // Between two renewals, however many events come.
const RENEW_EVERY_MS = 15_000; // Ages and deadlines change without an event.
const FOLLOW_AGAIN_MS = [5_000, 10_000]; // At random in between, so that all open tabs don't come back at once.

// Live regions: elements with an id and `data-live="event types"`. An event of one of the types fetches the page again
// and exchanges the regions; whatever else stands on the page stays.
function regions() {
  return [...document.querySelectorAll("[data-live][id]")];
}

// Asks for this page again; no session goes on by that.
function askAgain() {
  return fetch(location.href, { headers: { "x-tms-live": "1", accept: "text/html" } });
}

class Live {
  constructor() {
    this.types = [...new Set(regions().flatMap((region) => region.dataset.live.split(" ").filter(Boolean)))];
    this.state = document.getElementById("live");
    this.renewedAt = performance.now();
    this.source = null;
    this.hasFollowed = false;
    this.retry = null;
    this.timer = null;
    this.isRenewing = false;
    this.again = false;
    this.follow();
    setInterval(() => this.renewSoon(), RENEW_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.attend());
  }

  // Follows while somebody looks: a browser opens few connections to a host, and hidden tabs would hold them all.
  attend() {
    if (document.hidden) return this.leave();
    this.follow();
    this.renewSoon();
  }

  follow() {
    clearTimeout(this.retry);
    if (this.source || document.hidden || this.types.length === 0) return;
    const source = new EventSource(`${document.body.dataset.events}?types=${this.types.join(",")}`);
    this.source = source;
    source.addEventListener("open", () => {
      this.say(true);
      // What happened in between is not told again.
      if (this.hasFollowed) this.renewSoon();
      this.hasFollowed = true;
    });
    source.addEventListener("error", () => {
      this.say(false);
      // A browser does not try again by itself after an answer that is no stream, such as 503 of a server that goes away.
      if (source.readyState === EventSource.CLOSED) this.followLater();
    });
    for (const type of [...this.types, "resync"]) source.addEventListener(type, () => this.renewSoon());
    source.addEventListener("end", (event) => this.end(JSON.parse(event.data).data.reason));
  }

  followLater() {
    this.leave();
    const [least, most] = FOLLOW_AGAIN_MS;
    this.retry = setTimeout(() => this.follow(), least + Math.random() * (most - least));
  }

  leave() {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  end(reason) {
    this.say(false);
    if (reason === "signed_out") this.signedOut();
    if (reason === "denied") {
      this.leave();
      if (!isTyped()) location.reload();
    }
  }

  // Without a sign-in nothing is to be followed until a renewal is answered.
  signedOut() {
    this.leave();
    tellSignedOut();
  }

  say(isOn) {
    if (!this.state) return;
    this.state.hidden = false;
    this.state.classList.toggle("is-on", isOn);
    this.state.querySelector(".words").textContent = isOn ? this.state.dataset.on : this.state.dataset.off;
  }

  renewSoon() {
    if (document.hidden) return;
    // The page that is under way may have been made before what this is about.
    if (this.isRenewing) this.again = true;
    if (this.timer !== null || this.isRenewing) return;
    const pause = Math.max(0, LEAST_PAUSE_MS - (performance.now() - this.renewedAt));
    this.timer = setTimeout(() => this.renew(), pause);
  }

  async renew() {
    this.timer = null;
    this.isRenewing = true;
    this.again = false;
    try {
      const response = await askAgain();
      if (response.status === 401) return this.signedOut();
      if (!response.ok) return;
      exchange(await response.text());
      if (notice) notice.hidden = true;
      this.follow();
    } catch {
      // The server is away; the next event or round tries again.
    } finally {
      this.isRenewing = false;
      this.renewedAt = performance.now();
      if (this.again) this.renewSoon();
    }
  }
}

function exchange(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const region of regions()) {
    const next = fresh.getElementById(region.id);
    if (!next || isInUse(region) || region.innerHTML === next.innerHTML) continue;
    const focused = focusIn(region);
    const boxes = () => [...region.querySelectorAll(".scroll")];
    const scrolled = boxes().map(({ scrollLeft, scrollTop }) => [scrollLeft, scrollTop]);
    const open = [...region.querySelectorAll("details[data-keep][open][id]")].map((details) => details.id);
    region.replaceChildren(...next.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const [index, box] of boxes().entries()) if (scrolled[index]) box.scrollTo(...scrolled[index]);
    focused()?.focus({ preventScroll: true });
  }
}

// Remembers what has the focus in a region: by its id, else by where it leads, else by its place among its like. Returns
// what finds it in the content that comes instead.
function focusIn(region) {
  const focused = document.activeElement;
  if (focused === region || !region.contains(focused)) return () => null;
  if (focused.id) return () => document.getElementById(focused.id);
  const href = focused.getAttribute("href");
  const isAlike = (other) =>
    other.tagName === focused.tagName && other.className === focused.className && other.getAttribute("href") === href;
  const alike = () => [...region.querySelectorAll("*")].filter(isAlike);
  const index = alike().indexOf(focused);
  return () => alike()[index];
}

// Nobody's typing, choice or selection is taken away.
function isInUse(region) {
  const selection = getSelection();
  const isSelected = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  return isSelected || region.querySelector("input:focus, input:checked, select:focus, textarea:focus, details[open]:not([data-keep])");
}

// What says that the sign-in has ended; absent where nobody had signed in.
const notice = document.getElementById("signed-out");

// Tells whether something is typed into a form that is sent to change something, or was and is shown again.
function isTyped(within = document) {
  if (document.getElementById("form-fault")) return true;
  const fields = [...within.querySelectorAll("input:not([type=hidden]), textarea")].filter((field) => field.form?.method === "post");
  return fields.some((field) =>
    ["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
}

// Leads to the sign-in, or says where it is if something would be lost by that.
function tellSignedOut() {
  if (notice && isTyped()) notice.hidden = false;
  else location.reload();
}

async function isSignedIn() {
  try {
    return (await askAgain()).status !== 401;
  } catch {
    return true; // The server is away, which sending the form will show.
  }
}

// Filters that act as soon as they are chosen.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// A form is sent once; one into which something was typed, only by who is still signed in: the way to the sign-in would
// lose it.
const asked = new WeakSet();
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (asked.delete(form)) return;
  if (form.ariaBusy === "true") return event.preventDefault();
  form.ariaBusy = "true";
  if (!notice || !isTyped(form)) return;
  event.preventDefault();
  const { submitter } = event;
  const mayGo = await isSignedIn();
  notice.hidden = mayGo;
  if (!mayGo) form.ariaBusy = null;
  else {
    asked.add(form);
    form.requestSubmit(submitter);
  }
});
addEventListener("pageshow", () => {
  for (const form of document.forms) form.ariaBusy = null;
});

// Boxes that choose all others: `data-all="name"`.
document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  if (!name) return;
  for (const box of event.target.form.querySelectorAll(`input[type=checkbox][name="${CSS.escape(name)}"]`)) {
    box.checked = event.target.checked;
  }
});

// Addresses that are shown to be copied, with the host that the reader sees: `data-address`.
for (const shown of document.querySelectorAll("[data-address]")) {
  shown.textContent = new URL(shown.dataset.address, location.href).href;
}

// Buttons that copy what stands in another element: `data-copies="id"`.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies).textContent.trim();
  await navigator.clipboard.writeText(text);
  button.textContent = button.dataset.copied;
});

// On a narrow screen the parts of the console scroll sideways: the present one is in sight.
const present = document.querySelector(".rail [aria-current]");
const parts = present?.closest("ul");
if (parts && parts.scrollWidth > parts.clientWidth) {
  parts.scrollLeft = present.offsetLeft - (parts.clientWidth - present.offsetWidth) / 2;
}

if (regions().length > 0) new Live();
