// Time from navigation to painted grid cells:  node e2e/paint.mjs [URL] [RUNS]
// Prints {"paint_ms": median, ...}. Without URL the mock's 50 commits x 1,500 jobs are measured, ungrouped.
import { launch, target } from './browser.mjs';

const asked = process.argv[2];
const runs = Number(process.argv[3] ?? 5);
const server = asked ? { url: asked, close: async () => {} } : await target();
const url = asked ?? `${server.url}/hud/pytorch/pytorch/main?grouped=0&hide_unstable=0&open=Memory+Leak+Check&open=Rerun+Disabled+Tests`;
const browser = await launch();
const samples = [];
let cells = 0;
let columns = 0;
let frames = null;
try {
  for (let i = 0; i <= runs; i++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const watch = new MutationObserver(() => {
        if (document.querySelector('[role="gridcell"].c') === null) return;
        watch.disconnect();
        // The second frame starts after the first one with cells was painted.
        requestAnimationFrame(() => requestAnimationFrame(() => { window.paintedAt = performance.now(); }));
      });
      watch.observe(document, { childList: true, subtree: true });
    });
    await page.goto(url, { waitUntil: 'commit' });
    await page.waitForFunction(() => window.paintedAt !== undefined, undefined, { timeout: 30_000 });
    // The first visit starts the browser's own machinery; it is not counted.
    if (i > 0) samples.push(await page.evaluate(() => window.paintedAt));
    cells = await page.locator('[role="gridcell"].c').count();
    columns = Number(await page.getByRole('grid').getAttribute('aria-colcount'));
    if (i === runs) {
      frames = await page.evaluate(async () => {
        const grid = document.querySelector('[role="grid"]');
        const gaps = [];
        let last = performance.now();
        for (let n = 0; n < 120; n++) {
          grid.scrollLeft += 60;
          await new Promise(requestAnimationFrame);
          const now = performance.now();
          gaps.push(now - last);
          last = now;
        }
        gaps.sort((a, b) => a - b);
        return { p50_ms: gaps[60], p95_ms: gaps[114], max_ms: gaps[119] };
      });
    }
    await context.close();
  }
} finally {
  await browser.close();
  await server.close();
}
samples.sort((a, b) => a - b);
const round = (n) => Math.round(n * 10) / 10;
console.log(JSON.stringify({
  paint_ms: round(samples[Math.floor(samples.length / 2)]), worst_ms: round(samples.at(-1)), runs, columns, drawn_cells: cells,
  scroll_frame_ms: Object.fromEntries(Object.entries(frames).map(([k, v]) => [k, round(v)])),
}));
