// Ten thousand tables: found, sorted and turned over without a wait.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Binleaf } from "./binleaf.mjs";
import { closeBrowser, says, visit } from "./browser.mjs";
import { Pair } from "./servers.mjs";
import { stub } from "./stub.mjs";

after(closeBrowser);

const NUMBER = 10_000;
/** In milliseconds; a person takes less than a tenth of a second for at once, and a busy machine takes several times as long. */
const AT_ONCE = 700;

const nameOf = (number) => `table_${String(number).padStart(5, "0")}`;

function synced(number) {
  const status = number % 1000 === 7 ? "diverged: 3" : "success";
  return { last_sync_time: "2026-01-10T14:30:00.000Z", sync_type: "stream", records_synced: number, status, duration_seconds: 0.4 };
}

function answers(real, counts) {
  const numbers = Array.from({ length: NUMBER }, (_, index) => index);
  const tables = Object.fromEntries(numbers.map((number) => [nameOf(number), synced(number)]));
  const view = (number) => ({ table: `shop.${nameOf(number)}`, name: nameOf(number), mode: "stream", key: ["id"], foreign_keys: [], rows_estimated: number, sync: synced(number), dead_letters: 0, problem: null, last_error: null });
  return {
    status: (query) => {
      const isBrief = query.get("tables") === "false";
      counts[isBrief ? "brief" : "whole"] += 1;
      return { ...real, sync_data: { total_tables: NUMBER, ...(isBrief ? {} : { tables }) } };
    },
    tables: () => ({ tables: numbers.map(view), as_of: new Date().toISOString(), problem: null }),
    health: () => ({ mysql_connection: "healthy", mongodb_connection: "healthy", pending_operations: 0, error_count: 0 }),
    "test-connection": () => ({ connected: true, database: "shop", host: "db:3306", response_seconds: 0.01, target: { connected: true, database: "shop", response_seconds: 0.01 } }),
  };
}

test("ten thousand tables stay usable", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const binleaf = await Binleaf.start(t, pair);
  await binleaf.phase("streaming");
  const counts = { brief: 0, whole: 0 };
  const page = await visit(t, await stub(t, binleaf, answers(await binleaf.read("status"), counts)));
  await says(page, "table-note", /^10,000 tables$/);
  await page.evaluate(() => new PerformanceObserver((list) => (window.longest = Math.max(window.longest ?? 0, ...list.getEntries().map((entry) => entry.duration)))).observe({ type: "longtask" }));

  const lines = page.locator("#table-rows > tr");
  const takes = async (act, isDone) => {
    const begun = Date.now();
    await act();
    await page.waitForFunction(isDone);
    return Date.now() - begun;
  };
  const first = "document.querySelector('#table-rows .name')?.textContent";
  const times = {
    search: await takes(() => page.locator("#table-search").fill("9876"), `${first} === "table_09876"`),
    all: await takes(() => page.locator("#table-search").fill(""), `${first} === "table_00000"`),
    sort: await takes(() => page.locator("[data-sort=rows]").click(), `${first} === "table_09999"`),
    last: await takes(() => page.locator("#page-last").click(), `${first} === "table_00049"`),
    trouble: await takes(() => page.locator("#table-state").selectOption("bad"), `${first} === "table_09007"`),
  };
  assert.equal(await lines.count(), 10);
  await page.locator("#table-state").selectOption("");
  assert.equal(await lines.count(), 50, "only a page of them is drawn");
  t.diagnostic(`milliseconds: ${JSON.stringify(times)}`);
  for (const [what, time] of Object.entries(times)) assert.ok(time < AT_ONCE, `${what} took ${time} ms`);

  const before = { ...counts };
  await page.waitForTimeout(13_000);
  assert.ok(counts.brief - before.brief >= 4, `the status goes on being asked: ${JSON.stringify(counts)}`);
  assert.ok(counts.whole - before.whole <= 3, `with all its tables only now and then: ${JSON.stringify(counts)}`);
  const longest = await page.evaluate(() => window.longest ?? 0);
  t.diagnostic(`the page was never busy for longer than ${Math.round(longest)} ms`);
  assert.ok(longest < AT_ONCE, `the page stood still for ${longest} ms`);
});
