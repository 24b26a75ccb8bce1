// Every page in both languages and both colours, narrow and wide: axe finds nothing serious, text stays text, nothing comes
// from elsewhere, and nothing is broken on the console.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { HOSTILE, HOSTILE_SERIAL, UNPLUGGED } from "./lib/fleet.js";
import { fleet } from "./lib/shared.js";
import { ROOT, choose, rootApi, signIn } from "./lib/person.js";
import { Stage, WIDTHS, launch } from "./lib/stage.js";

let browser;
let pages;

before(async () => {
    const root = await rootApi();
    const agents = await fleet(root);
    const hostile = agents.get(HOSTILE_SERIAL);
    const alerts = await root.get(`/alerts?terminal_id=${hostile.id}`);
    const unplugged = await root.get(`/alerts?alert_type=reader_absent`);
    const customers = await root.get("/customers?search=script");
    const users = await root.get(`/users?search=${ROOT.username}`);
    // Text that means harm, in what people type too.
    await root.call("PATCH", `/alerts/${alerts.data[0].id}`, { is_resolved: true, resolution_notes: HOSTILE });
    const guest = await root.post("/users", { username: "guest", role: "viewer", full_name: HOSTILE.slice(0, 100) });
    const night = { url: "https://hooks.example.com/night", secret: "a key of the signature" };
    const channel = await root.post("/notification-channels", { name: HOSTILE.slice(0, 100), web_hook: night });
    await root.post("/alert-rules", {
        alert_type: "high_disk",
        customer_id: customers.data[0].id,
        is_enabled: false,
        severity: "LOW",
        threshold: { value: 95, duration_s: 600, clear_value: 90 },
    });
    const rules = await root.get("/alert-rules");
    pages = [
        "/dashboard",
        "/terminals",
        `/terminals/${hostile.id}?span=7d`,
        "/terminals/new",
        `/terminals/${hostile.id}/edit`,
        "/alerts",
        "/alerts?state=all",
        `/alerts/${alerts.data[0].id}`,
        `/alerts/${unplugged.data[0].id}`,
        "/customers",
        `/customers/${customers.data[0].id}`,
        "/customers/new",
        "/users",
        `/users/${users.data[0].id}`,
        `/users/${guest.id}`,
        "/users/new",
        "/audit",
        "/audit/verify",
        "/reports",
        "/reports?granularity=hour",
        "/reports/summary?period=today",
        "/enrollment-codes",
        "/enrollment-codes/new",
        "/notification-channels",
        "/notification-channels/new",
        "/notification-channels/new?kind=web_hook",
        "/notification-channels/new?kind=slack",
        `/notification-channels/${channel.id}`,
        "/settings",
        "/settings/rules",
        "/settings/rules/new",
        `/settings/rules/${rules.data[3].id}`,
        "/account",
        "/password-reset",
        "/confirm",
    ];
    assert.ok(agents.has(UNPLUGGED));
    browser = await launch();
});

after(() => browser?.close());

function name(path) {
    return path.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

for (const language of ["en", "ja"]) {
    for (const colorScheme of ["light", "dark"]) {
        test(`all pages in ${language}, ${colorScheme}`, async () => {
            const stage = await Stage.open(browser, { locale: "en-GB", colorScheme });
            await signIn(stage, ROOT, "/alerts");
            await choose(stage, language);
            for (const path of pages) {
                await stage.goto(path);
                for (const width of WIDTHS) {
                    await stage.page.setViewportSize({ width, height: 900 });
                    const shown = `${path} in ${language}, ${colorScheme}, ${width} px`;
                    // Nothing inside a row is as high as the window: that is a rule of another place's that got in.
                    const high = await stage.page.evaluate(() =>
                        [...document.querySelectorAll("tr, li")].filter((row) => row.clientHeight > innerHeight).length);
                    assert.equal(high, 0, `rows as high as the window: ${shown}`);
                    const wide = await stage.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                    assert.ok(wide <= 0, `${shown} is ${wide} px too wide`);
                    await stage.axe(shown);
                    await stage.shoot(`${name(path)}-${language}-${colorScheme}-${width}`);
                }
                const text = await stage.page.locator("main").innerText();
                assert.ok(!/\{\d\}|undefined|\[object/.test(text), `${path}: ${text}`);
                await stage.check();
            }
            await stage.close();
        });
    }
}

test("the sign-in in both languages and colours", async () => {
    for (const [locale, language] of [["en-GB", "en"], ["ja-JP", "ja"]]) {
        for (const colorScheme of ["light", "dark"]) {
            const stage = await Stage.open(browser, { locale, colorScheme });
            await stage.goto("/login");
            assert.equal(await stage.page.locator("html").getAttribute("lang"), language);
            const panel = await stage.page.locator(".panel").boundingBox();
            const aside = panel.x + panel.width / 2 - stage.page.viewportSize().width / 2;
            assert.ok(Math.abs(aside) < 10, `the sign-in stands ${aside} px aside`);
            stage.expect(401);
            await stage.page.fill("#username", HOSTILE);
            await stage.page.fill("#password", "wrong horse battery");
            await stage.page.click("#sign-in button");
            await stage.page.locator("#form-fault").waitFor();
            for (const width of WIDTHS) {
                await stage.page.setViewportSize({ width, height: 900 });
                await stage.axe(`the sign-in in ${language}, ${colorScheme}`);
                await stage.shoot(`login-${language}-${colorScheme}-${width}`);
            }
            await stage.check();
            await stage.close();
        }
    }
});
