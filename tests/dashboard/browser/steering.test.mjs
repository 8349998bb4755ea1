// What can be done from the page: by the mouse, by the keyboard alone, and with a token.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Binleaf, until } from "./binleaf.mjs";
import { closeBrowser, says, text, visit } from "./browser.mjs";
import { Pair } from "./servers.mjs";

after(closeBrowser);

const TOKEN = "a-long-random-word";

async function polled(t, settings = {}) {
  const pair = await Pair.of(t);
  await pair.sql(`CREATE TABLE orders (id INT PRIMARY KEY, updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6), KEY (updated_at));
    CREATE TABLE notes LIKE orders; INSERT INTO orders (id) VALUES (1), (2)`);
  const binleaf = await Binleaf.start(t, pair, { "": { mode: "poll" }, poll: { interval: "1h", overlap: "1s" }, ...settings });
  await binleaf.phase("idle");
  return { pair, binleaf };
}

test("pause holds up what is applied, and resume lets it go", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const binleaf = await Binleaf.start(t, pair);
  const page = await visit(t, binleaf.address);
  await says(page, "phase-text", /^Streaming$/);
  assert.equal(await page.locator("#schedule").locator("visible=true").count(), 0, "a stream has no schedule");
  await page.locator("#run-open").click();
  await says(page, "run-all", /^Copy anew$/);
  await page.locator("#run-form button[type=submit]").click();
  await page.locator("#tab-runs").click();
  await page.locator("#runs-list details").first().locator(".pill", { hasText: "success" }).waitFor();
  await page.locator("#pause").click();
  await says(page, "phase-text", /^Paused$/);
  assert.equal((await binleaf.read("status")).replication.paused, true);
  await pair.sql("INSERT INTO t VALUES (1)");
  await says(page, "lag-now", /^[2-9]/);
  assert.equal(await text(page, "pause"), "Resume");
  await page.locator("#pause").click();
  await says(page, "phase-text", /^Streaming$/);
  await says(page, "lag-now", /^0 s$/);
  assert.equal((await binleaf.read("status")).replication.paused, false);
});

test("the token is asked for, a wrong one is told, and it is forgotten", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const binleaf = await Binleaf.start(t, pair, {}, { token: TOKEN });
  const page = await visit(t, binleaf.address, { troubles: true });
  await page.locator("#gate").waitFor();
  assert.equal(await page.locator("#main").isVisible(), false);
  assert.equal(await text(page, "link-text"), "Locked");
  for (const [wrong, words] of [["wrong", /not the right token/], ["two words", /without blanks/]]) {
    await page.locator("#gate-token").fill(wrong);
    await page.keyboard.press("Enter");
    await says(page, "gate-error", words);
  }
  await page.locator("#gate-token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await says(page, "phase-text", /^Streaming$/);
  await page.reload();
  await says(page, "phase-text", /^Streaming$/);
  assert.ok(!(await page.content()).includes(TOKEN), "it is not in the page");
  const kept = await page.evaluate(() => ({ local: JSON.stringify(localStorage), cookie: document.cookie }));
  assert.ok(!kept.local.includes(TOKEN) && kept.cookie === "", "it is kept for the tab only");
  await page.locator("#forget").click();
  await page.locator("#gate").waitFor();
  await page.reload();
  await page.locator("#gate").waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify(sessionStorage)), "{}");
});

test("a schedule is stopped, started and set, and runs are begun by hand", async (t) => {
  const { pair, binleaf } = await polled(t);
  const page = await visit(t, binleaf.address, { troubles: true });
  await says(page, "phase-text", /^Idle$/);
  assert.match(await text(page, "schedule-next"), /^The next run begins in (1 h|59 min)/);
  assert.deepEqual(await page.evaluate(() => ["number", "unit"].map((name) => document.getElementById(`interval-${name}`).value)), ["1", "3600"]);
  await page.locator("#interval-number").fill("15");
  await page.locator("#interval-unit").selectOption("60");
  await page.locator("#interval-form button").click();
  await until("set", async () => (await binleaf.read("status")).scheduler.interval_seconds === 900);
  await page.locator("#schedule-switch").click();
  await says(page, "schedule-next", /^The schedule is off/);
  assert.equal((await binleaf.read("status")).scheduler.running, false);
  await page.locator("#schedule-switch").click();
  await says(page, "schedule-next", /^The next run begins/);
  await pair.sql("INSERT INTO orders (id) VALUES (3)");
  await page.locator("#run-open").click();
  await page.locator("#run-tables").fill("nobody");
  await page.locator("#run-form button[type=submit]").click();
  await says(page, "run-refusal", /there is no table nobody\. .*lists them/);
  await page.locator("#run-tables").fill("orders");
  await page.locator('input[name=kind][value="full"]').check();
  await page.locator("#run-form button[type=submit]").click();
  await page.locator("#tab-runs").click();
  const newest = page.locator("#runs-list details").first();
  await newest.locator(".pill", { hasText: "success" }).waitFor();
  assert.match(await newest.locator("summary").textContent(), /all rows1 table, 1 record/);
  await newest.locator("summary").click();
  assert.match(await newest.locator(".run-tables").textContent(), /orders success 1 made/);
  await page.locator("#pause").click();
  await says(page, "phase-text", /^Paused$/);
  await page.locator("#run-open").click();
  await page.locator("#run-form button[type=submit]").click();
  await says(page, "run-refusal", /it is paused\. .*resume/);
});

test("dead letters are tried again, and settled once the row can be written", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY, content LONGTEXT)");
  const binleaf = await Binleaf.start(t, pair);
  const page = await visit(t, binleaf.address, { troubles: true });
  await says(page, "phase-text", /^Streaming$/);
  await page.locator("#tab-letters").click();
  await says(page, "letters-list", /^No dead letters/);
  assert.equal(await page.locator("#letters-replay").isVisible(), false, "there is nothing to try again");
  // More than a document holds.
  await pair.sql("INSERT INTO t VALUES (1, REPEAT('x', 17000000))");
  await page.locator("#letters-replay").click();
  await page.locator(".notice", { hasText: "The row of 1 dead letter is read and written again" }).waitFor();
  await page.locator("#letters-list", { hasText: "2 tries" }).waitFor();
  await pair.sql("SET sql_log_bin = 0; UPDATE t SET content = 'short'");
  await page.locator("#pause").click();
  await says(page, "phase-text", /^Paused$/);
  await page.locator("#letters-replay").click();
  await page.locator('.notice[data-tone="bad"]', { hasText: "it is paused" }).waitFor();
  await page.locator("#pause").click();
  await says(page, "phase-text", /^Streaming$/);
  await page.locator("#letters-replay").click();
  await says(page, "letters-list", /^No dead letters/);
  await page.locator("#letters-replay").waitFor({ state: "hidden" });
  await until("settled", async () => (await binleaf.read("dead-letters")).total === 0);
});

/** Goes on by Tab until an element has the focus, and fails where the focus cannot be seen on the way. */
async function tabTo(page, id) {
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const active = document.activeElement;
      const ring = [active, active.closest("label"), active.parentElement].some((one) => one && getComputedStyle(one).outlineStyle !== "none" && parseFloat(getComputedStyle(one).outlineWidth) >= 2);
      return { id: active.id, ring, isBody: active === document.body };
    });
    assert.ok(at.ring || at.isBody, `the focus is not seen on ${JSON.stringify(at)}`);
    if (at.id === id) return;
  }
  assert.fail(`#${id} cannot be reached`);
}

test("all of it goes by the keyboard alone", async (t) => {
  const { binleaf } = await polled(t);
  const page = await visit(t, binleaf.address);
  await says(page, "phase-text", /^Idle$/);
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  await press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await press("Enter");
  await tabTo(page, "run-open");
  await press("Enter");
  await page.locator("#run-dialog[open]").waitFor();
  await press("Escape");
  await page.locator("#run-dialog[open]").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.id), "run-open", "the focus is where it was");
  await tabTo(page, "pause");
  await press("Enter");
  await says(page, "phase-text", /^Paused$/);
  await until("back", () => page.evaluate(() => document.activeElement.id === "pause" && !document.activeElement.disabled));
  await press("Space");
  await says(page, "phase-text", /^Idle$/);
  await tabTo(page, "tab-tables");
  await press("ArrowRight", "ArrowRight", "ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.id), "tab-runs");
  assert.equal(await page.locator("#panel-runs").isVisible(), true);
  await press("Home");
  await tabTo(page, "table-search");
  await page.keyboard.type("ord");
  await says(page, "table-note", /^1 of 2 tables/);
  await press("Tab", "Tab", "Enter");
  assert.equal(await page.locator("#table-grid th").first().getAttribute("aria-sort"), "descending");
  await press("Tab", "Tab", "Tab", "Tab", "Tab", "Enter");
  await page.locator(".details .column", { hasText: "updated_at" }).waitFor();
  await page.waitForTimeout(2500);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "orders", "the focus outlives what is new");
});
