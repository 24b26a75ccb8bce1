// Pages that stay open: they follow what happens after a restart, leave their connections to others while nobody looks, keep
// the focus where it is, and lose nothing of what was typed when the sign-in ends.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { beat, enrol } from "./lib/fleet.js";
import { fleet } from "./lib/shared.js";
import { ROOT, rootApi, signIn } from "./lib/person.js";
import { Stage, base, launch } from "./lib/stage.js";

const EVENTS = "**/api/v1/events?*";

let browser;
let root;
let agent;

before(async () => {
    root = await rootApi();
    await fleet(root);
    const { data } = await root.get("/customers?search=Harbour");
    agent = await enrol(base, root, data[0].id, "Hakodate", 90);
    await beat(base, agent, {});
    browser = await launch();
});

after(() => browser?.close());

function flip(state) {
    return beat(base, agent, { device: { state, error_code: 0 } });
}

function follows(page) {
    return page.locator("#live.is-on").waitFor({ timeout: 12_000 });
}

// As the browser does it when somebody turns to another tab, and back.
function show(page, isShown) {
    return page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }, !isShown);
}

test("a stream that is refused is followed again", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    stage.expect(503);
    let asked = 0;
    await stage.context.route(EVENTS, (route) => {
        asked += 1;
        return asked === 1 ? route.fulfill({ status: 503, body: "" }) : route.continue();
    });
    await signIn(stage, ROOT, "/terminals");
    await follows(stage.page);
    assert.equal(asked, 2);
    await stage.check();
    await stage.close();
});

test("hidden tabs leave the connections to others", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    await signIn(stage, ROOT, "/alerts");
    const pages = [stage.page];
    for (;;) {
        const page = pages.at(-1);
        await follows(page);
        if (pages.length === 8) break;
        await show(page, false);
        pages.push(await stage.context.newPage());
        await pages.at(-1).goto("/alerts", { timeout: 10_000 });
    }
    const [first] = pages;
    const renewed = first.waitForRequest((request) => "x-tms-live" in request.headers());
    const followed = first.waitForRequest(EVENTS);
    await show(first, true);
    await Promise.all([renewed, followed]);
    await stage.check();
    await stage.close();
});

test("what happens while a page is renewed is shown too", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT, "/terminals");
    await follows(page);
    await page.evaluate(() => {
        window.told = 0;
        const source = new EventSource(`${document.body.dataset.events}?types=terminal_status_change`);
        source.addEventListener("terminal_status_change", () => (window.told += 1));
        return new Promise((resolve) => source.addEventListener("open", resolve));
    });
    let hold;
    const held = new Promise((resolve) => (hold = resolve));
    let renewals = 0;
    await page.route("**/terminals", async (route) => {
        if (!("x-tms-live" in route.request().headers())) return route.continue();
        renewals += 1;
        if (renewals > 1) return route.continue();
        hold({ route, response: await route.fetch() });
    });
    await flip("absent");
    const { route, response } = await held;
    await flip("ok");
    await page.waitForFunction(() => window.told >= 2);
    const again = page.waitForRequest((request) => "x-tms-live" in request.headers(), { timeout: 6_000 });
    await route.fulfill({ response });
    await again;
    await stage.check();
    await stage.close();
});

test("the focus stays where it is when a region is exchanged", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT, "/terminals");
    for (const [path, selector] of [
        ["/terminals", "#terminals thead th:nth-child(2) a"],
        [`/terminals/${agent.id}`, "#series-numbers summary"],
        [`/terminals/${agent.id}`, "#timeline-panel .scroll"],
    ]) {
        await stage.goto(path);
        await page.locator(selector).focus();
        await page.evaluate(() => document.activeElement.setAttribute("data-old", ""));
        await show(page, true);
        await page.waitForFunction(() => !document.querySelector("[data-old]"));
        const isThere = await page.evaluate((selector) => document.activeElement === document.querySelector(selector), selector);
        assert.ok(isThere, `${selector} has the focus`);
    }
    await stage.check();
    await stage.close();
});

test("what was typed outlives the sign-in", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { context, page } = stage;
    stage.expect(401);
    stage.expect(422);
    await signIn(stage, ROOT, "/alerts");
    await follows(page);
    await page.fill("#notes", "the cable was loose");
    await root.call("DELETE", "/auth/sessions");
    await page.locator("#signed-out").waitFor();
    await page.locator("#signed-out").evaluate((notice) => (notice.hidden = true));
    await page.click("#acknowledge");
    await page.locator("#signed-out").getByText("What you typed is still here").waitFor();
    assert.equal(await page.inputValue("#notes"), "the cable was loose");
    await stage.axe("the end of the sign-in");
    await stage.shoot("signed-out");
    const [other] = await Promise.all([context.waitForEvent("page"), page.locator("#signed-out a").click()]);
    await other.fill("#username", ROOT.username);
    await other.fill("#password", ROOT.password);
    await Promise.all([other.waitForURL("**/dashboard"), other.click("#sign-in button")]);
    await page.click("#acknowledge");
    await page.getByText("No alert was chosen.").waitFor();
    await stage.check();
    await stage.close();
});
