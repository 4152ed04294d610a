// Browser test of the pages. TRUNKLINE_URL names a running server, TRUNKLINE_PROGRAM a `trunkline` whose demo is started;
// without either the mock is started over web/dist. Screenshots go to TRUNKLINE_SHOTS or web/e2e/shots.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, target } from './browser.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const shots = process.env.TRUNKLINE_SHOTS ?? path.join(path.dirname(fileURLToPath(import.meta.url)), 'shots');
// A demo that has just started needs a moment until its first jobs have moved.
const PATIENCE = 60_000;
const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const CELL = '[role="gridcell"][data-c]';

let server;
let browser;

before(async () => {
  mkdirSync(shots, { recursive: true });
  server = await target();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** A page whose console errors and failed scripts fail the test. */
async function withPage(options, run) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  try {
    await run(page, context);
    assert.deepEqual(problems, [], 'console errors');
  } finally {
    await context.close();
  }
}

async function openGrid(page, search = '') {
  await page.goto(`${server.url}/`);
  await page.locator('.row ' + CELL).first().waitFor({ timeout: PATIENCE });
  await page.waitForURL(/\/hud\/[^/]+\/[^/]+\/.+/);
  if (search !== '') {
    await page.goto(page.url().split('?')[0] + search);
    await page.locator('.row').first().waitFor();
  }
}

async function audit(page, name) {
  // The script is read from disk; the page's own policy would refuse an inline tag.
  if (!(await page.evaluate(() => 'axe' in window))) {
    const { readFile } = await import('node:fs/promises');
    await page.evaluate(await readFile(axe, 'utf8'));
  }
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { resultTypes: ['violations'] });
    return result.violations
      .filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).join(' | ')} (${v.nodes.length})`);
  });
  assert.deepEqual(found, [], `accessibility of ${name}`);
}

const letters = (page) => page.$$eval('.row', (rows) => rows.map((r) => [...r.querySelectorAll('.c')].map((c) => c.textContent).join('')).join('\n'));
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '');

describe('grid', () => {
  test('shows commits with named cells, and the start page leads to a full address', async () => {
    await withPage({}, async (page) => {
      await openGrid(page);
      const grid = page.getByRole('grid');
      assert.ok(Number(await grid.getAttribute('aria-rowcount')) > 1);
      assert.match(await page.locator('.row .m-sha').first().innerText(), /^[0-9a-f]{7}$/);
      assert.match(await page.locator('.row .c').first().getAttribute('aria-label'), /^[a-z ]+, (group )?.+, commit [0-9a-f]{7}$/);
      assert.equal(await page.locator('[role="grid"] [tabindex="0"]').count(), 1, 'one tab stop');
      await page.locator('.strip .totals').waitFor();
      await page.locator('.live-mark', { hasText: 'live' }).waitFor();
    });
  });

  test('a status change arrives live, without a reload, and keeps selection and scroll', async () => {
    await withPage({}, async (page) => {
      await openGrid(page, '?grouped=0&hide_unstable=0');
      await page.evaluate(() => { window.sameDocument = true; });
      await page.locator('.row .c').nth(3).waitFor();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowRight');
      const selected = await focused(page);
      const before = await letters(page);
      await page.waitForFunction(
        (old) => [...document.querySelectorAll('.row')].map((r) => [...r.querySelectorAll('.c')].map((c) => c.textContent).join('')).join('\n') !== old,
        before,
        { timeout: PATIENCE },
      );
      assert.equal(await page.evaluate(() => window.sameDocument), true);
      const now = await focused(page);
      assert.equal(now.split(', ').slice(1).join(), selected.split(', ').slice(1).join(), 'focus stays on its cell');
    });
  });

  test('works by keyboard', async () => {
    await withPage({}, async (page) => {
      await openGrid(page);
      await page.keyboard.press('ArrowRight');
      const first = await focused(page);
      assert.match(first, /commit [0-9a-f]{7}$/);
      await page.keyboard.press('j');
      assert.notEqual(await focused(page), first);
      await page.keyboard.press('k');
      assert.equal((await focused(page)).slice(-7), first.slice(-7));
      await page.keyboard.press('l');
      await page.keyboard.press('h');
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowRight');

      // Enter pins; Esc closes and leaves focus where it was.
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      assert.match(page.url(), /pin=/);
      const place = await focused(page);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      assert.equal((await focused(page)).slice(-7), place.slice(-7));

      // e unfolds the group in place, and again folds it.
      const columns = () => page.getByRole('grid').getAttribute('aria-colcount').then(Number);
      const folded = await columns();
      await page.keyboard.press('e');
      await page.waitForFunction((n) => Number(document.querySelector('[role="grid"]').getAttribute('aria-colcount')) > n, folded);
      assert.match(page.url(), /open=/);
      await page.keyboard.press('e');
      await page.waitForFunction((n) => Number(document.querySelector('[role="grid"]').getAttribute('aria-colcount')) === n, folded);

      // The header row: Enter unfolds too.
      for (let i = 0; i < 200 && (await page.locator('.head .h:focus').count()) === 0; i++) await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Enter');
      await page.waitForFunction((n) => Number(document.querySelector('[role="grid"]').getAttribute('aria-colcount')) > n, folded);
      await page.keyboard.press('Enter');

      await page.keyboard.press('g');
      await page.waitForURL(/grouped=0/);
      await page.keyboard.press('g');
      await page.waitForFunction(() => !location.search.includes('grouped=0'));

      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: /Legend/ }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });

      await page.keyboard.press('f');
      await page.keyboard.type('zzz-no-such-job');
      await page.getByText('No column matches').waitFor();
      assert.match(page.url(), /f=zzz/);
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => !location.search.includes('f='));
    });
  });

  test('n and p go from failure to failure', async () => {
    await withPage({}, async (page) => {
      await openGrid(page, '?grouped=0&hide_unstable=0&hide_green=1');
      if ((await page.locator('.row .c').count()) === 0) return; // nothing failed yet
      await page.keyboard.press('n');
      const first = await focused(page);
      assert.match(first, /^(failure|timed out|cancelled)/);
      await page.keyboard.press('n');
      await page.keyboard.press('p');
      assert.equal(await focused(page), first);
    });
  });

  test('shows the runs behind a cell on hover and on click', async () => {
    await withPage({}, async (page) => {
      await openGrid(page, '?grouped=0&hide_unstable=0');
      const cell = page.locator('.row .c:not(.s-absent):not(.grp)').first();
      await cell.hover();
      await page.getByRole('tooltip').waitFor();
      await cell.click();
      const dialog = page.getByRole('dialog');
      await dialog.locator('.tip-runs li a').first().waitFor();
      await dialog.getByRole('link', { name: 'Commit page' }).click();
      await page.waitForURL(/\/commit\//);
      await page.locator('.box').first().waitFor();
    });
  });

  test('pages to older commits and back, and an address restores its view', async () => {
    await withPage({}, async (page) => {
      await openGrid(page, '?per_page=20');
      const top = await page.locator('.row .m-sha').first().innerText();
      const older = page.getByRole('button', { name: 'Older' });
      if (await older.isDisabled()) return; // fewer commits than a page
      await older.click();
      await page.waitForURL(/before=[0-9a-f]{7}/);
      await page.waitForFunction((t) => document.querySelector('.row .m-sha')?.textContent !== t, top);
      const shown = await page.locator('.row .m-sha').first().innerText();
      await page.reload();
      await page.locator('.row').first().waitFor();
      assert.equal(await page.locator('.row .m-sha').first().innerText(), shown);
      await page.getByRole('button', { name: 'Newer' }).click();
      await page.waitForFunction(() => !location.search.includes('before='));
    });
  });

  test('draws only what is in view', async () => {
    await withPage({}, async (page) => {
      await openGrid(page);
      if (server.mock) {
        await page.getByLabel('Repository').selectOption('pytorch/pytorch');
        await page.waitForURL(/pytorch\/pytorch/);
        await page.keyboard.press('g');
      }
      await page.waitForTimeout(500);
      assert.ok((await page.locator('.c').count()) < 6000);
      await page.getByRole('grid').evaluate((g) => g.scrollTo(g.scrollWidth, g.scrollHeight));
      await page.waitForTimeout(300);
      assert.ok((await page.locator('.c').count()) < 6000);
    });
  });
});

test('an unknown commit says so and keeps the way back', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.url}/`);
  await page.waitForURL(/\/hud\//);
  const [, owner, name] = /\/hud\/([^/]+)\/([^/]+)/.exec(page.url());
  await page.goto(`${server.url}/commit/${owner}/${name}/${'0'.repeat(40)}`);
  await page.getByText('is not known here').waitFor();
  await context.close();
});

test('a dead server shows an error tile and an offline mark', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.route('**/api/**', (route) => route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":{"code":"unavailable","message":"The log cannot be written."}}' }));
  await page.goto(`${server.url}/hud/acme/engine/main`);
  await page.getByText('The log cannot be written.').first().waitFor({ timeout: 15_000 });
  await page.locator('[data-live="offline"]').waitFor();
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    test(`${size}, ${colorScheme}: accessible, fits, pictured`, async () => {
      await withPage({ viewport, colorScheme }, async (page) => {
        const shot = (name) => page.screenshot({ path: path.join(shots, `${name}-${size}-${colorScheme}.png`) });
        await openGrid(page);
        await page.locator('.strip .totals').waitFor();
        await audit(page, 'grid');
        await shot('grid');
        await page.locator('.row .c').nth(2).click();
        await page.getByRole('dialog').waitFor();
        await page.waitForTimeout(300);
        await audit(page, 'pinned cell');
        await shot('grid-pinned');
        await page.keyboard.press('Escape');
        await page.keyboard.press('?');
        await page.getByRole('dialog', { name: /Legend/ }).waitFor();
        await audit(page, 'legend');
        await page.keyboard.press('Escape');
        await openGrid(page, '?grouped=0&hide_unstable=0');
        await page.locator('.row .c').first().waitFor();
        await audit(page, 'ungrouped grid');
        await shot('grid-ungrouped');

        const rows = page.locator('.row .m-title a');
        await page.goto(server.url + (await rows.nth(Math.min(3, (await rows.count()) - 1)).getAttribute('href')));
        await page.locator('h1').first().waitFor();
        await page.locator('.box, .tile').first().waitFor();
        await audit(page, 'commit page');
        await shot('commit');

        await page.goto(`${server.url}/fleet`);
        await page.locator('.panel').first().waitFor();
        await page.waitForTimeout(200);
        await audit(page, 'fleet page');
        await shot('fleet');

        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wide <= 0, 'no sideways scrolling of the page');
      });
    });
  }
}

test('the theme is a choice that lasts', async () => {
  await withPage({ colorScheme: 'light' }, async (page) => {
    await openGrid(page);
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    assert.equal(await ground(), 'rgb(255, 255, 255)');
    await page.getByRole('button', { name: /^Theme/ }).click();
    await page.getByRole('button', { name: /^Theme: light/ }).click();
    assert.equal(await ground(), 'rgb(30, 30, 30)');
    await page.reload();
    await page.locator('.row').first().waitFor();
    assert.equal(await ground(), 'rgb(30, 30, 30)');
    await audit(page, 'grid in chosen dark');
  });
});
