// One way to start Chromium and to reach the page under test, for all scripts here.
import { chromium } from 'playwright-core';

const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export function launch() {
  return chromium.launch({ executablePath: process.env.TRUNKLINE_CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
}

/** The running server named by TRUNKLINE_URL, or a mock with the built pages. */
export async function target() {
  if (process.env.TRUNKLINE_URL) return { url: process.env.TRUNKLINE_URL.replace(/\/$/, ''), mock: false, close: async () => {} };
  const { start } = await import('../mock/server.mjs');
  return { ...(await start()), mock: true };
}
