// What is seen while it copies, lags, fails to answer, and holds names that are meant to do harm.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Binleaf, until } from "./binleaf.mjs";
import { closeBrowser, says, seconds, text, visit } from "./browser.mjs";
import { Pair, Proxy, target } from "./servers.mjs";

after(closeBrowser);

const numbers = (words) => Number(words.replaceAll(",", "").match(/[\d.]+/)?.[0]);

test("the first copy is seen moving, and goes when it is whole", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql(`SET cte_max_recursion_depth = 100000; CREATE TABLE films (id INT PRIMARY KEY, title VARCHAR(40));
    INSERT INTO films WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) SELECT i, LEFT(SHA2(i, 256), 40) FROM n;
    ANALYZE TABLE films`);
  const binleaf = await Binleaf.start(t, pair, { snapshot: { read_rate: 4000, chunk_rows: 1000 } });
  const page = await visit(t, binleaf.address);
  await page.locator("#snapshot").waitFor();
  const seen = { percent: new Set(), bar: new Set(), table: new Set() };
  while (seen.percent.size < 4 || seen.bar.size < 4 || seen.table.size < 3) {
    assert.equal(await page.locator("#snapshot").isVisible(), true, `it was over too soon: ${JSON.stringify(seen, (_, value) => (value instanceof Set ? [...value] : value))}`);
    seen.percent.add(numbers(await text(page, "snapshot-percent")));
    seen.bar.add(Number(await page.locator("#snapshot-bar").getAttribute("aria-valuenow")));
    seen.table.add(await page.locator("#table-rows td.number span").first().textContent());
    await page.waitForTimeout(100);
  }
  for (const values of [[...seen.percent], [...seen.bar]]) assert.deepEqual(values, values.toSorted((left, right) => left - right), "it only grows");
  assert.equal(await text(page, "phase-text"), "Copying");
  assert.match(await text(page, "snapshot-rows"), /^[\d,]+ of about [\d,]+$/);
  assert.match(await text(page, "snapshot-rate"), /rows\/s$/);
  assert.match(await text(page, "snapshot-left"), /^about \d/);
  await says(page, "phase-text", /^Streaming$/);
  await page.locator("#snapshot").waitFor({ state: "hidden" });
  await says(page, "position-set", /^[0-9a-f-]{36}:/);
  assert.equal(await page.locator("#table-rows .pill").textContent(), "in sync");
});

test("the lag rises while the target stalls, and falls again", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const proxy = await Proxy.to(t, target());
  const binleaf = await Binleaf.start(t, pair, {}, { targetPort: proxy.port });
  const page = await visit(t, binleaf.address, { troubles: true });
  await says(page, "phase-text", /^Streaming$/);
  await says(page, "lag-now", /^0 s$/);
  proxy.stall();
  await pair.sql("INSERT INTO t VALUES (1)");
  const seen = [];
  while (!(seen.at(-1) >= 5)) {
    seen.push(seconds(await text(page, "lag-now")));
    await page.waitForTimeout(300);
  }
  assert.deepEqual(seen, seen.toSorted((left, right) => left - right), "it only rises");
  assert.ok(new Set(seen).size >= 4, `${seen}`);
  const drawn = await page.locator("#lag-chart .line").last().getAttribute("d");
  const heights = drawn.slice(1).split("L").map((point) => Number(point.split(" ")[1]));
  assert.ok(heights.at(-1) < heights[0] - 20, `the line rises: ${drawn}`);
  assert.match(await page.locator("#lag-chart svg").getAttribute("aria-label"), /^Lag over the last ten minutes: now [\d.]+ s, at most/);
  assert.match(await text(page, "lag-note"), /^[1-9][\d,]* transactions? behind the source$/);
  proxy.fair();
  await says(page, "lag-now", /^0 s$/);
  await says(page, "phase-text", /^Streaming$/);
});

test("a side that is away is named, with the error and what to do", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const proxy = await Proxy.to(t, target());
  const binleaf = await Binleaf.start(t, pair, {}, { targetPort: proxy.port });
  const page = await visit(t, binleaf.address, { troubles: true });
  await says(page, "phase-text", /^Streaming$/);
  await says(page, "route", new RegExp(`^${pair.name} → ${pair.name}$`));
  await until("answered", async () => {
    await page.locator("#test").click();
    await page.locator("#test-result:not(:empty)").waitFor();
    return /Both answered: the source within \d.*, the target within \d/.test(await text(page, "test-result"));
  });
  proxy.close();
  await pair.sql("INSERT INTO t VALUES (1)");
  await says(page, "phase-text", /^Retrying$/);
  assert.match(await text(page, "phase-sentence"), /target \(MongoDB\)/);
  await page.locator("#fault").waitFor();
  assert.ok((await text(page, "fault-message")).length > 10);
  await says(page, "target-state", /^does not answer$/);
  assert.equal(await text(page, "source-state"), "answers");
  await page.locator("#test").click();
  await page.locator('#test-result[data-tone="bad"]').waitFor();
  assert.ok(!(await page.content()).includes(pair.password));
});

test("a binleaf that is gone is told, with since when, and found again", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const binleaf = await Binleaf.start(t, pair);
  const page = await visit(t, binleaf.address, { troubles: true });
  await says(page, "link-text", /^Live$/);
  await binleaf.kill();
  await page.locator("#away").waitFor();
  assert.match(await text(page, "away-text"), /^Since .*\d+:\d\d.* What is shown is of /);
  assert.equal(await text(page, "link-text"), "No answer");
  await page.locator("#pause").click();
  await page.locator('.notice[data-tone="bad"]', { hasText: "does not answer" }).waitFor();
  const asked = await questions(page, 10_000);
  assert.ok(asked >= 1 && asked <= 5, `it goes on asking, and ever more seldom: ${asked} times`);
  await binleaf.again();
  await page.locator("#away").waitFor({ state: "hidden" });
  await says(page, "phase-text", /^Streaming$/);
});

/** How often the status is asked for in a while. */
async function questions(page, milliseconds) {
  let number = 0;
  const count = (request) => (number += request.url().includes("/api/sync/status") ? 1 : 0);
  page.on("request", count);
  await page.waitForTimeout(milliseconds);
  page.off("request", count);
  return number;
}

test("a page that nobody looks at asks seldom, and at once when it is looked at again", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const binleaf = await Binleaf.start(t, pair);
  const page = await visit(t, binleaf.address);
  await says(page, "phase-text", /^Streaming$/);
  const look = (isHidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);
  assert.ok((await questions(page, 5_000)) >= 3, "about once a second");
  await look(true);
  await page.waitForTimeout(1_500);
  assert.ok((await questions(page, 5_000)) <= 1, "seldom");
  const [, asked] = await Promise.all([look(false), questions(page, 900)]);
  assert.ok(asked >= 1, "at once");
});

test("the position is copied as it is", async (t) => {
  const pair = await Pair.of(t);
  await pair.sql("CREATE TABLE t (id INT PRIMARY KEY)");
  const binleaf = await Binleaf.start(t, pair);
  const page = await visit(t, binleaf.address, { permissions: ["clipboard-read", "clipboard-write"] });
  await says(page, "position-set", /^[0-9a-f-]{36}:/);
  await page.locator("#pause").click();
  await says(page, "phase-text", /^Paused$/);
  // What was on its way when it was paused may still land.
  await until("copied", async () => {
    await page.locator("#position-copy").click();
    await says(page, "position-copy", /^Copied$/);
    const { replication } = await binleaf.read("status");
    return (await page.evaluate(() => navigator.clipboard.readText())) === replication.position.gtid_set;
  });
});

test("names that are meant to do harm are only names", async (t) => {
  const pair = await Pair.of(t);
  const names = ['<img src=x onerror=alert(1)>', '"><script>alert(2)</script>', "gnp\u202ecod", "__proto__", "a'b&amp;c"];
  for (const name of names) await pair.sql(`CREATE TABLE \`${name}\` (id INT PRIMARY KEY, \`<b onclick=alert(3)>\` INT)`);
  await pair.sql("ALTER TABLE `a'b&amp;c` ADD COLUMN `<svg onload=alert(4)>` INT");
  const binleaf = await Binleaf.start(t, pair);
  const page = await visit(t, binleaf.address);
  await says(page, "phase-text", /^Streaming$/);
  await pair.sql("ALTER TABLE `a'b&amp;c` ADD COLUMN `<i>later</i>` INT; INSERT INTO `a'b&amp;c` (id) VALUES (1)");
  await page.locator("#table-rows .name").nth(names.length - 1).waitFor();
  const shown = await page.locator("#table-rows .name").allTextContents();
  const expected = names.map((name) => name.replace("\u202e", "\\u202e"));
  assert.deepEqual(shown.toSorted(), expected.toSorted());
  for (const button of await page.locator("#table-rows .name").all()) await button.click();
  await page.locator(".column", { hasText: "<b onclick=alert(3)>" }).nth(names.length - 1).waitFor();
  await page.locator("#tab-changes").click();
  await page.locator("#changes-list .column", { hasText: "<i>later</i>" }).waitFor();
  assert.equal(await page.locator("main img, main script, main i, main [onclick], main [onerror]").count(), 0);
});
