// One way to start Chromium and to reach the page under test, for all scripts here.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export function launch() {
  return chromium.launch({ executablePath: process.env.TRUNKLINE_CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
}

/** The running server named by TRUNKLINE_URL, a demo of the program TRUNKLINE_PROGRAM, or a mock with the built pages. */
export async function target() {
  if (process.env.TRUNKLINE_URL) return { url: process.env.TRUNKLINE_URL.replace(/\/$/, ''), mock: false, close: async () => {} };
  if (process.env.TRUNKLINE_PROGRAM) return demo(process.env.TRUNKLINE_PROGRAM);
  const { start } = await import('../mock/server.mjs');
  return { ...(await start()), mock: true };
}

const START_MS = 60_000;
const STOP_MS = 15_000;

async function demo(program) {
  const folder = await mkdtemp(path.join(tmpdir(), 'trunkline-e2e-'));
  const listen = `127.0.0.1:${await freePort()}`;
  const child = spawn(program, ['demo', '--listen', listen, '--folder', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => { output = (output + part).slice(-8000); });
  let ended = false;
  const exit = new Promise((resolve) => {
    child.once('error', (error) => { output += String(error); ended = true; resolve(); });
    child.once('exit', () => { ended = true; resolve(); });
  });
  const close = async () => {
    if (!ended) child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exit;
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  };
  const url = `http://${listen}`;
  for (const deadline = Date.now() + START_MS; ; ) {
    const ready = await fetch(`${url}/readyz`).then((r) => r.ok, () => false);
    if (ready) return { url, mock: false, close };
    if (ended || Date.now() > deadline) {
      await close();
      throw new Error(`the demo did not get ready; it said:\n${output}`);
    }
    await delay(200);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
