// Headless Chromium, and pages that are watched: no error in the console, no call to another host, no box of a script.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { atEnd } from "./ends.mjs";

const MODULES = process.env.DASHBOARD_MODULES;
if (!MODULES) throw new Error("DASHBOARD_MODULES is not set: run dev/dashboard, which fetches what the tests need");
const { chromium } = createRequire(`${MODULES}/package.json`)("playwright-core");

/** What Chromium itself says of an answer that is no success; expected where a test brings it about. */
const NETWORK = /^Failed to load resource/;

let browser;

async function open() {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
  });
  return browser;
}

export async function closeBrowser() {
  if (browser) await (await browser).close();
}

/** A page of its own profile. options: of the context; troubles: whether answers may fail in this test. */
export async function visit(test, address, { troubles = false, ...options } = {}) {
  const context = await (await open()).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    if (troubles && NETWORK.test(message.text())) return;
    complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => complaints.push(`a box: ${dialog.message()}`) && dialog.dismiss());
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(address).origin) complaints.push(`asked ${request.url()}`);
  });
  atEnd(test, async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(`${address}/`);
  return page;
}

/** The text of an element. */
export const text = (page, id) => page.locator(`#${id}`).textContent();

/** Waits until an element says something. */
export async function says(page, id, pattern) {
  const isSo = ([name, source]) => new RegExp(source).test(document.getElementById(name).textContent);
  await page.waitForFunction(isSo, [id, pattern.source]);
}

/** "1 h 2 min", "3.4 s", "20 ms" in seconds. */
export function seconds(words) {
  const sizes = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86_400 };
  return [...words.matchAll(/([\d.]+) (ms|s|min|h|d)\b/g)].reduce((sum, [, number, unit]) => sum + Number(number) * sizes[unit], 0);
}
