// An administrator: sets a threshold, is told where a channel fails, hands out an enrolment code, and finds what was typed
// again after proving who they are.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { fleet } from "./lib/shared.js";
import { ROOT, rootApi, signIn } from "./lib/person.js";
import { Stage, WIDTHS, launch } from "./lib/stage.js";

let browser;
let root;

before(async () => {
    root = await rootApi();
    await fleet(root);
    browser = await launch();
});

after(() => browser?.close());

// Shows the page as it is now, narrow and wide.
async function look(stage, name) {
    for (const width of WIDTHS) {
        await stage.page.setViewportSize({ width, height: 900 });
        await stage.axe(`${name}, ${width} px`);
        await stage.shoot(`${name}-${width}`);
    }
}

test("the dashboard leads to a customer in trouble and tells of the last days", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT);
    assert.equal(await page.locator(".bars-row li").count(), 7);
    await page.locator("#availability-numbers summary").click();
    await page.locator("#trouble-rows").getByRole("link", { name: "Harbour Coffee" }).click();
    await page.locator("#terminals").getByText("Yokohama Bay").first().waitFor();
    await stage.check();
    await stage.close();
});

test("a wrong setting is named, a right one is saved", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT, "/settings");
    const grace = page.locator('[id="presence.lost_grace_s"]');
    // The browser itself would not send it.
    await grace.evaluate((input) => input.removeAttribute("max"));
    await grace.fill("4000");
    stage.expect(422);
    await page.click("#save");
    await page.getByText("Must be 0 to 3600").waitFor();
    await look(stage, "settings-wrong");
    await grace.fill("61");
    await page.click("#save");
    await page.getByText("The settings are saved.").waitFor();
    assert.equal(await grace.inputValue(), "61");
    await stage.check();
    await stage.close();
});

test("a channel that can't send says so", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT, "/notification-channels/new?kind=mail");
    await page.fill("#name", "Nowhere");
    await page.fill('[id="mail.host"]', "mail.invalid");
    await page.fill('[id="mail.sender"]', "tms@example.com");
    await page.fill('[id="mail.receivers"]', "night@example.com");
    await page.click("#save");
    await page.getByText("Nowhere is added.").waitFor();
    await page.click("#test");
    await page.getByText("The test message was not sent").waitFor();
    await page.locator("#channel-state").getByText("Fails").waitFor();
    await look(stage, "channel-failing");
    await stage.goto("/notification-channels");
    await page.locator("tr", { hasText: "Nowhere" }).getByText("Fails").waitFor();
    await stage.check();
    await stage.close();
});

test("an enrolment code is shown once and withdrawn", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT, "/enrollment-codes/new");
    await page.fill("#customer", "Sakura Books");
    await page.fill("#store_name", "桜書店 新店");
    await page.click("#make");
    const code = (await page.locator("pre#code").textContent()).trim();
    assert.match(code, /^[0-9A-Z]{4}(-[0-9A-Z]{4})+$/);
    await look(stage, "code-made");
    await page.getByRole("link", { name: "I have copied it" }).click();
    const row = page.locator("#codes tr", { hasText: "桜書店 新店" });
    assert.ok(!(await page.locator("main").innerText()).includes(code));
    await row.locator("summary").click();
    await look(stage, "codes-withdraw");
    await row.getByRole("button", { name: "Withdraw" }).click();
    await page.getByText("The code is withdrawn.").waitFor();
    await page.locator("#codes tr", { hasText: "桜書店 新店" }).getByText("Withdrawn").waitFor();
    await stage.check();
    await stage.close();
});

test("a report is narrowed to a customer", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT, "/reports");
    await page.fill("#customer", "ABC Store Inc.");
    await page.click("#apply");
    await page.waitForURL(/customer=ABC/);
    const href = await page.locator("#export").getAttribute("href");
    const table = await stage.context.request.get(href);
    assert.match(await table.text(), /availability/);
    await page.getByRole("link", { name: "What went wrong" }).click();
    await page.getByText("Card reader is not attached").first().waitFor();
    await stage.check();
    await stage.close();
});

// That the question is asked in place of the act is tested without a browser, where time can be set; here, that a browser
// carries what was typed through the proof.
test("what was typed comes back after the proof", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await signIn(stage, ROOT, "/confirm");
    await page.locator("#confirm").evaluate((form) => {
        const typed = { kept_to: "/users/new", "kept.username": "kept", "kept.full_name": "Kept \"Person\"" };
        for (const [name, value] of Object.entries(typed)) {
            form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
        }
    });
    await page.fill("#password", ROOT.password);
    await page.click("#confirm button");
    await page.waitForURL("**/users/new");
    assert.equal(await page.inputValue("#username"), "kept");
    assert.equal(await page.inputValue("#full_name"), 'Kept "Person"');
    assert.equal(await page.locator("#form-fault").count(), 0);
    await page.click("#new-user button.primary");
    await page.getByText("This link is shown only now.").waitFor();
    await stage.check();
    await stage.close();
});
