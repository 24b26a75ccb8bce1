// What a person does at the browser, in the words of the page.
import { Api } from "./fleet.js";
import { base } from "./stage.js";

export const ROOT = { username: process.env.TMS_SIM_USERNAME, password: process.env.TMS_SIM_PASSWORD };

export function rootApi() {
    return Api.signIn(base, ROOT.username, ROOT.password);
}

// Types name and password and sends them; leads to `next`, or to the question for a code.
export async function signIn(stage, { username, password }, next = "/dashboard") {
    const { page } = stage;
    await stage.goto(`/login?next=${encodeURIComponent(next)}`);
    await page.fill("#username", username);
    await page.fill("#password", password);
    await Promise.all([page.waitForURL((url) => url.pathname !== "/login"), page.click("#sign-in button")]);
}

// Chooses the language of the console, if it is another.
export async function choose(stage, language) {
    const button = stage.page.locator(`#language-${language}`);
    if ((await button.count()) > 0) {
        await button.click();
        await stage.page.locator(`html[lang=${language}]`).waitFor();
    }
}
