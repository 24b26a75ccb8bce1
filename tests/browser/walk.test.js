// Somebody on duty: gets in with a second factor, finds the reader that is unplugged, understands it, resolves its alert, and
// reads the console in the other language.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { UNPLUGGED } from "./lib/fleet.js";
import { choose, rootApi, signIn } from "./lib/person.js";
import { fleet } from "./lib/shared.js";
import { Stage, launch } from "./lib/stage.js";
import { code, step } from "./lib/totp.js";

const MIKA = { username: "mika", password: "a reader that was plugged in again" };
const NOTE = "The cable was loose; plugged in again.";

let browser;
let root;
let agents;

before(async () => {
    root = await rootApi();
    agents = await fleet(root);
    browser = await launch();
});

after(() => browser?.close());

// The link that an administrator sends leads to a password.
async function choosePassword(stage) {
    const made = await root.post("/users", { username: MIKA.username, role: "support", full_name: "Mika Mori" });
    const { page } = stage;
    await stage.goto(`/password-reset#token=${made.password_link.token}`);
    await page.fill("#new_password", MIKA.password);
    await page.fill("#repeated", MIKA.password);
    await page.click("#password-reset button");
    await page.waitForURL("**/login");
}

// Sets up a second factor; the app is this test. Returns what gives the next code: each counts once, so shortly before the
// next step it is a recovery code.
async function setUpSecondFactor(stage) {
    const { page } = stage;
    await stage.goto("/account/second-factor");
    await page.click("#set-up-factor");
    const seed = (await page.locator("#seed").textContent()).trim();
    assert.ok(await page.locator(".qr svg").isVisible());
    await stage.axe("the second factor");
    await stage.shoot("second-factor");
    const used = step(Date.now() + 5_000) - 1;
    await page.fill("#code", code(seed, used));
    await page.click("#confirm-factor button");
    const codes = (await page.locator("#recovery-codes").textContent()).trim().split(/\s+/);
    assert.equal(codes.length, 10);
    await stage.axe("the recovery codes");
    return () => (step() > used ? code(seed, step()) : codes[0]);
}

test("the unplugged reader is found, understood and dealt with", async () => {
    const stage = await Stage.open(browser, { locale: "en-GB" });
    const { page } = stage;
    await choosePassword(stage);
    await signIn(stage, MIKA);
    const nextCode = await setUpSecondFactor(stage);
    await page.click("#sign-out");
    await page.waitForURL("**/login");

    await signIn(stage, MIKA);
    assert.ok(new URL(page.url()).pathname.endsWith("/login/code"), "the password alone is not enough");
    stage.expect(401);
    await page.fill("#code", "000000");
    await page.click("#sign-in-code button");
    await page.locator("#form-fault").waitFor();
    await page.fill("#code", nextCode());
    await Promise.all([page.waitForURL("**/dashboard"), page.click("#sign-in-code button")]);

    // From the dashboard to the terminal, and why it is in error.
    await page.locator("#now").getByRole("link", { name: UNPLUGGED }).first().click();
    await page.locator("h1", { hasText: UNPLUGGED }).waitFor();
    const why = await page.locator("main").innerText();
    assert.match(why, /no card reader is attached/i);
    assert.match(why, /unplugged \(USB port 2\)/, "its log says where");
    await stage.check();

    await page.getByRole("navigation").getByRole("link", { name: "Alerts" }).click();
    await page.locator("tr", { hasText: UNPLUGGED }).getByRole("link", { name: "Card reader is not attached" }).click();
    await page.fill("#notes", NOTE);
    await page.click("#resolve");
    await page.getByText("The alert is resolved.").waitFor();
    await page.locator(".story", { hasText: NOTE }).waitFor();
    await page.locator(".story", { hasText: "Resolved by mika" }).waitFor();
    const { data } = await root.get(`/alerts?terminal_id=${agents.get(UNPLUGGED).id}`);
    assert.deepEqual([data[0].resolved_by, data[0].resolution_notes], ["mika", NOTE]);

    await choose(stage, "ja");
    await page.getByText("mika が解決").waitFor();
    await choose(stage, "en");
    await page.locator(".story", { hasText: "Resolved by mika" }).waitFor();
    await stage.check();
    await stage.close();
});
