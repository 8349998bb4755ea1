// How it looks, in light and dark, wide and narrow: contrast, nothing cut off at the side, no motion where none is wanted. Writes
// the pictures of docs/dashboard from a binleaf at work; with DASHBOARD_MINUTES=10.4 its charts are full.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { after, test } from "node:test";

import { Binleaf } from "./binleaf.mjs";
import { closeBrowser, says, visit } from "./browser.mjs";
import { poorContrasts } from "./contrast.mjs";
import { Pair, Proxy, ROOT, target } from "./servers.mjs";

after(closeBrowser);

const MINUTES = Number(process.env.DASHBOARD_MINUTES ?? 0.4);
const PICTURES = process.env.DASHBOARD_PICTURES ?? `${ROOT}/target/dashboard`;
const LARGEST = 200 << 10;

const fixture = (name) => readFileSync(`${ROOT}/tests/fixtures/sakila/${name}.sql`, "utf8");

/** The sample database, under the test's own name. */
async function loadSakila(pair) {
  const statements = `${fixture("schema")}\n${fixture("data")}`;
  await pair.sql(statements.replace(/^(CREATE DATABASE|CREATE SCHEMA|DROP SCHEMA|DROP DATABASE|USE) .*$/gim, "").replaceAll("sakila.", `${pair.name}.`));
}

/** Changes in waves, and in the middle of them a target that stalls for a while. */
async function work(page, pair, proxy, write) {
  const end = Date.now() + MINUTES * 60_000;
  const stall = { from: Date.now() + MINUTES * 60_000 * 0.55, for: Math.min(25_000, MINUTES * 12_000) };
  for (let turn = 0; Date.now() < end; turn += 1) {
    const strength = 1 + Math.sin(turn / 70) ** 2 * 5 + Math.random() * 1.5;
    write(`UPDATE rental SET last_update = NOW() WHERE rental_id % 400 < ${Math.round(strength)} AND rental_id > 0`);
    write(`UPDATE payment SET amount = amount + 0.01 WHERE payment_id % 900 < ${Math.round(strength)}`);
    if (turn % 7 === 0) write(`INSERT INTO actor (first_name, last_name) VALUES ('GRETA', 'GARBO')`);
    const isStalled = Date.now() > stall.from && Date.now() < stall.from + stall.for;
    if (isStalled) proxy.stall();
    else proxy.fair();
    await page.waitForTimeout(500);
  }
  proxy.fair();
}

async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  const path = `${PICTURES}/${name}.png`;
  await page.screenshot({ path });
  assert.ok(statSync(path).size <= LARGEST, `${path} has ${statSync(path).size} bytes`);
}

async function assertFits(page, what) {
  const [inner, whole] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  assert.ok(whole <= inner, `${what}: ${whole} pixels are drawn on ${inner}`);
}

test("it can be read in light and dark, on a desk and on a phone", async (t) => {
  const pair = await Pair.of(t, "sakila");
  await loadSakila(pair);
  await pair.sql("CREATE TABLE attachment (attachment_id INT PRIMARY KEY, content LONGTEXT)");
  const proxy = await Proxy.to(t, target());
  const binleaf = await Binleaf.start(t, pair, {}, { targetPort: proxy.port });
  const page = await visit(t, binleaf.address, { troubles: true, colorScheme: "light" });
  await says(page, "phase-text", /^Streaming$/);
  // More than a document holds: a dead letter.
  await pair.sql("INSERT INTO attachment VALUES (1, 'short'), (2, REPEAT('x', 17000000))");
  await pair.sql("ALTER TABLE actor ADD COLUMN born YEAR");
  await work(page, pair, proxy, pair.client(t));
  await says(page, "lag-now", /^(0 s|\d+ ms)$/);
  await says(page, "tile-letters", /^1$/);

  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const tab of ["tab-letters", "tab-changes", "tab-tables"]) {
      await page.locator(`#${tab}`).click();
      await page.locator(`#panel-${tab.slice(4)}`).waitFor();
      await page.waitForTimeout(300);
      const { looked, poor } = await page.evaluate(poorContrasts);
      assert.ok(looked > 40, `only ${looked} texts are seen`);
      assert.deepEqual(poor, [], `${scheme}, ${tab}`);
    }
    await page.setViewportSize({ width: 1280, height: 1180 });
    await page.evaluate(() => document.activeElement.blur());
    await picture(page, scheme);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(300);
  await picture(page, "phone");
  for (const width of [320, 390, 700, 1024]) {
    await page.setViewportSize({ width, height: 800 });
    for (const tab of ["tab-letters", "tab-changes", "tab-tables"]) {
      await page.locator(`#${tab}`).click();
      await assertFits(page, `${width}, ${tab}`);
    }
  }
});

test("the colours that are chosen are kept", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const binleaf = await Binleaf.start(t, pair);
  const page = await visit(t, binleaf.address, { colorScheme: "light", reducedMotion: "reduce" });
  await says(page, "phase-text", /^Streaming$/);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.locator('#themes input[value="dark"]').check();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await ground(), dark);
  await page.locator('#themes input[value="system"]').check();
  assert.equal(await ground(), light);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  assert.equal(await ground(), dark);
  const moving = await page.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0, "nothing moves where no motion is wanted");
});
