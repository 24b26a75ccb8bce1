// What must move on the pages of the console. Every page works without it.

const LEAST_PAUSE_MS = 2_000; // Between two renewals, however many events come.
const RENEW_EVERY_MS = 15_000; // Ages and deadlines change without an event.

// Live regions: elements with an id and `data-live="event types"`. An event of one of the types fetches the page again
// and exchanges the regions; whatever else stands on the page stays.
function regions() {
  return [...document.querySelectorAll("[data-live][id]")];
}

class Live {
  constructor() {
    const types = new Set(regions().flatMap((region) => region.dataset.live.split(" ").filter(Boolean)));
    this.state = document.getElementById("live");
    this.renewedAt = performance.now();
    this.timer = null;
    if (types.size > 0) this.follow([...types]);
    setInterval(() => this.renewSoon(), RENEW_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.renewSoon());
  }

  follow(types) {
    const source = new EventSource(`${document.body.dataset.events}?types=${types.join(",")}`);
    source.addEventListener("open", () => this.say(true));
    source.addEventListener("error", () => this.say(false));
    for (const type of [...types, "resync"]) source.addEventListener(type, () => this.renewSoon());
    source.addEventListener("end", (event) => {
      const reason = JSON.parse(event.data).data.reason;
      this.say(false);
      if (reason === "signed_out" || reason === "denied") {
        source.close();
        location.reload();
      }
    });
  }

  say(isOn) {
    if (!this.state) return;
    this.state.hidden = false;
    this.state.classList.toggle("is-on", isOn);
    this.state.querySelector(".words").textContent = isOn ? this.state.dataset.on : this.state.dataset.off;
  }

  renewSoon() {
    if (this.timer !== null || document.hidden) return;
    const pause = Math.max(0, LEAST_PAUSE_MS - (performance.now() - this.renewedAt));
    this.timer = setTimeout(() => this.renew(), pause);
  }

  async renew() {
    this.renewedAt = performance.now();
    try {
      const response = await fetch(location.href, { headers: { "x-tms-live": "1", accept: "text/html" } });
      if (response.status === 401) return location.reload();
      if (response.ok) exchange(await response.text());
    } catch {
      // The server is away; the next event or round tries again.
    } finally {
      this.timer = null;
      this.renewedAt = performance.now();
    }
  }
}

function exchange(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const region of regions()) {
    const next = fresh.getElementById(region.id);
    if (!next || isInUse(region) || region.innerHTML === next.innerHTML) continue;
    const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...region.querySelectorAll("details[data-keep][open][id]")].map((details) => details.id);
    region.replaceChildren(...next.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

// Nobody's typing, choice or selection is taken away.
function isInUse(region) {
  const selection = getSelection();
  const isSelected = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  return isSelected || region.querySelector("input:focus, input:checked, select:focus, textarea:focus, details[open]:not([data-keep])");
}

// Filters that act as soon as they are chosen.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.ariaBusy === "true") event.preventDefault();
  form.ariaBusy = "true";
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
