// A browser that forgives nothing: an error on the console, a violation of the content security policy, a request to
// elsewhere or a dialog fails the test that caused it.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SHOTS = process.env.TMS_BROWSER_SHOTS;

export const base = process.env.TMS_BROWSER_URL;
export const WIDTHS = [390, 1440];

export function launch() {
    return chromium.launch({ executablePath: process.env.TMS_BROWSER ?? "/usr/bin/chromium", args: FLAGS });
}

export class Stage {
    constructor(context) {
        this.context = context;
        this.faults = [];
        this.expected = new Set();
    }

    // Opens a context with a page; `options` are those of playwright's newContext.
    static async open(browser, options = {}) {
        const stage = new Stage(await browser.newContext({ baseURL: base, viewport: { width: 1440, height: 900 }, ...options }));
        await stage.context.addInitScript(() => {
            document.addEventListener("securitypolicyviolation", (event) => {
                console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
            });
        });
        stage.context.on("request", (request) => {
            const url = new URL(request.url());
            if (url.origin !== new URL(base).origin && !["data:", "blob:"].includes(url.protocol)) {
                stage.faults.push(`a request to ${url}`);
            }
        });
        stage.context.on("console", (message) => {
            if (message.type() !== "error" && message.type() !== "warning") return;
            const status = /status of (\d+)/.exec(message.text())?.[1];
            if (status && stage.expected.has(Number(status))) return;
            stage.faults.push(`console: ${message.text()} (${message.location().url})`);
        });
        stage.context.on("weberror", (error) => stage.faults.push(`script: ${error.error().stack}`));
        stage.page = await stage.context.newPage();
        stage.page.on("dialog", (dialog) => {
            stage.faults.push(`a dialog: ${dialog.message()}`);
            return dialog.dismiss();
        });
        return stage;
    }

    // The browser notes an answer of this status on the console; here it is meant.
    expect(status) {
        this.expected.add(status);
    }

    async goto(path) {
        const answer = await this.page.goto(path, { waitUntil: "load" });
        assert.ok(answer.ok() || this.expected.has(answer.status()), `${path} answered ${answer.status()}`);
        return answer;
    }

    // Fails for what a page did wrong since the last look, and for text that became more than text.
    async check() {
        const harm = await this.page.evaluate(() => window.harm);
        assert.equal(harm, undefined, "hostile text ran");
        assert.deepEqual(this.faults.splice(0), []);
    }

    // Fails for what axe calls serious or critical.
    async axe(what) {
        const loaded = await this.page.evaluate(() => Boolean(window.axe));
        if (!loaded) await this.page.evaluate(await source());
        const { violations } = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
        const found = violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
        assert.deepEqual(found, [], `axe on ${what}`);
    }

    async shoot(name) {
        if (!SHOTS) return;
        await mkdir(SHOTS, { recursive: true });
        await this.page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
    }

    async close() {
        await this.context.close();
    }
}

let axe;
async function source() {
    const { readFile } = await import("node:fs/promises");
    axe ??= await readFile(AXE, "utf8");
    return axe;
}
