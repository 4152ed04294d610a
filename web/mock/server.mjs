// A stand-in for the server: the same JSON, made up, with a world that moves.
//   node mock/server.mjs [--port N] [--dist dir] [--seed N] [--still]
// Repositories: acme/engine (60 jobs a commit) and pytorch/pytorch (1,500 jobs a commit).
import { createReadStream, existsSync, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const GROUPS = [
  ['Lint', /^Lint/], ['Linux', / linux-/], ['Windows', / win-/], ['Mac', / macos-/], ['Other viable/strict', /^(pull|trunk)/], ['Slow', /^slow/],
  ['Periodic', /^periodic/], ['ROCm', /^rocm/], ['XPU', /^xpu/], ['Binary Linux', /^linux-binary/], ['Docs', /docs/], ['Inductor', /^inductor/],
  ['Binary Windows', /^windows-binary/], ['Memory Leak Check', /, mem_leak/, true], ['Rerun Disabled Tests', /, rerun_/, true], ['other', /$^/], ['Unstable', /unstable/],
];
const ORDER = ['Memory Leak Check', 'Rerun Disabled Tests', 'Unstable', 'XPU', 'Periodic', 'Slow', 'Lint', 'Inductor', 'ROCm', 'Binary Linux', 'Binary Windows', 'Linux', 'Windows', 'Mac', 'Docs', 'Other viable/strict'];

function groupOf(name) {
  for (const group of ORDER) {
    const at = GROUPS.findIndex(([n]) => n === group);
    if (GROUPS[at][1].test(name)) return at;
  }
  return GROUPS.findIndex(([n]) => n === 'other');
}

function names(count) {
  const out = new Set();
  for (const job of ['lintrunner-clang', 'lintrunner-noclang', 'quick-checks', 'toc', 'test_run_test', 'workflow-checks', 'pr-sanity-checks']) out.add(`Lint / ${job}`);
  const platforms = ['linux-jammy-py3.10-gcc11', 'linux-jammy-py3.10-clang12', 'linux-jammy-cuda12.8-py3.10-gcc9', 'linux-noble-rocm-py3.12', 'win-vs2022-cpu-py3', 'macos-py3-arm64', 'linux-jammy-xpu-2025.0-py3.9'];
  const workflows = ['pull', 'trunk', 'slow', 'periodic', 'inductor', 'rocm', 'xpu'];
  const configs = ['default', 'distributed', 'dynamo_wrapped', 'crossref', 'functorch', 'nogpu_AVX512', 'jit_legacy'];
  out.add('docs / docs build');
  for (let shards = 1; out.size < count && shards < 40; shards++) {
    for (const w of workflows) {
      for (const p of platforms) {
        out.add(`${w} / ${p} / build`);
        for (const c of configs.slice(0, 1 + ((w.length + p.length) % configs.length))) {
          for (let s = 1; s <= Math.min(shards, 9); s++) out.add(`${w} / ${p} / test (${c}, ${s}, 9, linux.4xlarge${c === 'crossref' ? ', unstable' : ''})`);
          if (shards > 2) out.add(`${w} / ${p} / test (${c}, 1, 6, linux.4xlarge, mem_leak_check)`);
          if (shards > 3) out.add(`${w} / ${p} / test (${c}, 1, 6, linux.4xlarge, rerun_disabled_tests)`);
          if (shards > 4) out.add(`linux-binary-wheel / manywheel-py3_${shards}-${c}-${p} / build`);
          if (shards > 5) out.add(`windows-binary-wheel / wheel-py3_${shards}-${c}-${p} / test`);
        }
      }
    }
  }
  return [...out].slice(0, count);
}

const TITLES = [
  'Fix race in the allocator when a stream is captured', 'Add a fast path for contiguous reductions', 'Remove the deprecated export entry point', 'Update the pinned compiler to 19.1',
  'Make dtype promotion follow the documented table', 'Reland "Fold constants through views"', 'Document the scheduler hooks', 'Skip the distributed suite on forks', 'Speed up the lexer by not copying tokens',
  'Support 8-bit floats in the matmul template (#4321)', 'Do not leak the process group in tests', 'Bump the nightly image', 'Trace through context managers', 'Guard against empty shards in the sampler',
];
const AUTHORS = ['mirelav', 'tkomsa', 'j-ostrand', 'pbauer', 'anikasri', 'dependabot[bot]', 'wen-li', 'rosalind-q'];

class Repo {
  constructor(name, jobs, commits, seed) {
    this.name = name;
    this.random = random(seed);
    const sorted = names(jobs).map((n) => ({ name: n, group: groupOf(n) }));
    sorted.sort((a, b) => a.group - b.group || (a.name < b.name ? -1 : 1));
    this.columns = sorted;
    this.flaky = sorted.map(() => this.random() < 0.03);
    this.broken = sorted.map(() => (this.random() < 0.006 ? [Math.floor(this.random() * 20), 6 + Math.floor(this.random() * 20)] : null));
    this.commits = [];
    this.seq = 1000;
    const now = Date.now();
    for (let i = 0; i < commits; i++) this.commits.push(this.commit(now - i * 17 * 60_000 - 4 * 60_000, i));
  }

  commit(time, age) {
    const r = this.random;
    const hex = () => Math.floor(r() * 16).toString(16);
    const title = TITLES[Math.floor(r() * TITLES.length)];
    const letters = this.columns.map((_, c) => this.letter(c, age));
    return {
      sha: Array.from({ length: 40 }, hex).join(''), time: new Date(time).toISOString(), title, author: AUTHORS[Math.floor(r() * AUTHORS.length)],
      pr: r() < 0.9 ? 150_000 + Math.floor(r() * 9999) : null, letters, runs: letters.map((l) => (l === 'F' ? 2 : r() < 0.02 ? 2 : 1)), base: 40_000_000_000 + Math.floor(r() * 1e9),
    };
  }

  letter(c, age) {
    const r = this.random;
    const name = this.columns[c].name;
    const workflow = name.split(' ')[0];
    if (/periodic|slow|rocm|binary|xpu/.test(workflow) && (age + c % 3) % 3 !== 0 && !name.includes('pull')) return '~';
    const broken = this.broken[c];
    if (broken && age >= broken[0] && age < broken[0] + broken[1]) return 'X';
    if (age < 3) {
      const x = r();
      if (x < 0.25 - age * 0.08) return 'Q';
      if (x < 0.6 - age * 0.18) return '?';
    }
    const x = r();
    if (name.includes('unstable')) return x < 0.3 ? 'X' : 'O';
    if (x < 0.004) return 'X';
    if (x < 0.007) return 'C';
    if (x < 0.008) return 'T';
    if (this.flaky[c] && x < 0.12) return 'F';
    if (x > 0.985) return 'S';
    return 'O';
  }

  step() {
    const commit = this.commits[Math.floor(this.random() * 3)];
    const open = commit.letters.flatMap((l, i) => (l === 'Q' || l === '?' ? [i] : []));
    if (open.length === 0) {
      this.commits.unshift(this.commit(Date.now(), 0));
      this.seq += 1;
      return [this.commits[0].sha];
    }
    for (let n = 0; n < 3; n++) {
      const c = open[Math.floor(this.random() * open.length)];
      commit.letters[c] = commit.letters[c] === 'Q' ? '?' : this.random() < 0.06 ? 'X' : 'O';
    }
    this.seq += 1;
    return [commit.sha];
  }

  grid(branch, perPage, before) {
    const start = before === null ? 0 : this.commits.findIndex((c) => c.sha === before) + 1;
    const page = this.commits.slice(start, start + perPage);
    return {
      repo: this.name, branch, as_of: new Date().toISOString(), intake_lag_seconds: 0.4, last_seq: this.seq, columns: this.columns,
      groups: GROUPS.map(([name, , persistent]) => ({ name, persistent: persistent === true })),
      commits: page.map((c) => ({
        sha: c.sha, time: c.time, title: c.title, author: c.author, pr: c.pr, cells: c.letters.join(''),
        detail: Object.fromEntries(c.letters.flatMap((l, i) => ('O~SN'.includes(l) ? [] : [[String(i), [c.base + i, c.runs[i]]]]))),
      })),
      next: start + perPage < this.commits.length ? page.at(-1).sha : null,
    };
  }

  job(commit, c, attempt = 1, letter = commit.letters[c]) {
    const [status, conclusion] = { O: ['completed', 'success'], F: ['completed', 'success'], X: ['completed', 'failure'], C: ['completed', 'cancelled'], T: ['completed', 'timed_out'], S: ['completed', 'skipped'], '?': ['in_progress', null], Q: ['queued', null] }[letter] ?? ['completed', 'neutral'];
    const created = Date.parse(commit.time) + (c % 7) * 20_000 + (attempt - 1) * 2_400_000;
    const queue = status === 'queued' ? (Date.now() - created) / 1000 : 12 + ((c * 37) % 400);
    const run = status === 'completed' ? (letter === 'S' ? 0 : 60 + ((c * 7919) % 5400)) : status === 'queued' ? null : Math.max(1, (Date.now() - created) / 1000 - queue);
    const started = status === 'queued' ? null : created + queue * 1000;
    const id = commit.base + c + (attempt - 1) * 100_000;
    const run_id = 17_000_000_000 + this.columns[c].name.split(' ')[0].length * 1000;
    return {
      id, name: this.columns[c].name, status, conclusion, letter, run_id, attempt, queue_seconds: queue, run_seconds: run, created_at: new Date(created).toISOString(),
      started_at: started === null ? null : new Date(started).toISOString(), completed_at: status === 'completed' ? new Date(started + run * 1000).toISOString() : null,
      runner_name: started === null ? null : `i-0${(id % 0xffffff).toString(16)}`, labels: ['linux.4xlarge'], html_url: `https://github.com/${this.name}/actions/runs/${run_id}/job/${id}`, event: 'push',
    };
  }

  commitPage(commit) {
    const jobs = commit.letters.flatMap((l, c) => (l === '~' ? [] : [this.job(commit, c)]));
    const count = (...ls) => jobs.filter((j) => ls.includes(j.letter)).length;
    const counts = { failure: count('X', 'T'), running: count('?'), queued: count('Q'), success: count('O', 'F'), other: count('C', 'S', 'N', 'U') };
    return {
      commit: { sha: commit.sha, title: commit.title, message: `${commit.title}\n\nThe old path copied the table on each call, see #1234 and\nhttps://example.org/notes for the figures.\n\nPull Request resolved: https://github.com/${this.name}/pull/${commit.pr}\nApproved by: tkomsa`, author: commit.author, pr: commit.pr, time: commit.time, url: `https://github.com/${this.name}/commit/${commit.sha}` },
      jobs, counts,
    };
  }

  cell(commit, name) {
    const c = this.columns.findIndex((k) => k.name === name);
    if (c < 0 || commit.letters[c] === '~') return { runs: [] };
    const runs = [this.job(commit, c, commit.runs[c])];
    for (let a = commit.runs[c] - 1; a >= 1; a--) runs.push(this.job(commit, c, a, 'X'));
    return { runs };
  }
}

export function start({ port = 0, host = '127.0.0.1', dist, seed = 7, moving = true } = {}) {
  const root = dist ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'dist');
  const repos = new Map([new Repo('acme/engine', 60, 120, seed), new Repo('pytorch/pytorch', 1500, 160, seed + 1)].map((r) => [r.name, r]));
  const rand = random(seed + 2);
  const streams = new Set();
  const labels = ['linux.4xlarge', 'linux.2xlarge', 'linux.g5.4xlarge.nvidia.gpu', 'windows.4xlarge', 'macos-m1-stable', 'linux.rocm.gpu.2', 'linux.12xlarge.ephemeral', 'linux.arm64.2xlarge', 'linux.24xl.spr-metal'].map((label, i) => ({
    label, queued: [38, 6, 14, 3, 0, 2, 0, 0, 0][i], oldest_queued_seconds: [412, 41, 1210, 95, null, 5400, null, null, null][i], planned: [4, 0, 2, 0, 0, 0, 0, 0, 0][i], booting: [21, 3, 4, 1, 0, 0, 0, 0, 0][i], idle: [4, 9, 0, 2, 3, 0, 1, 0, 0][i], busy: [180, 96, 52, 24, 19, 6, 2, 5, 0][i], max: [1000, 750, 150, 420, null, 20, 50, 100, 10][i],
  }));
  const totals = () => labels.reduce((t, l) => ({ queued: t.queued + l.queued, booting: t.booting + l.booting, idle: t.idle + l.idle, busy: t.busy + l.busy }), { queued: 0, booting: 0, idle: 0, busy: 0 });
  const fleet = () => ({
    labels, totals: totals(),
    runners: labels.flatMap((l, k) => ['booting', 'idle', 'busy'].flatMap((state) => Array.from({ length: l[state] }, (_, i) => ({
      name: `i-0${(k * 65536 + i * 257 + state.length).toString(16).padStart(9, '0')}`, type: l.label, state, provider: l.label.startsWith('macos') ? 'partner' : 'ec2', job: state === 'busy' ? `pull / linux-jammy-py3.10-gcc11 / test (default, ${(i % 6) + 1}, 6)` : null, age_seconds: 30 + i * 97, reason: state === 'booting' ? `${l.queued} jobs queued for ${l.label}` : null,
    })))),
  });
  const status = () => ({ version: '0.0.0-mock', as_of: new Date().toISOString(), intake: { last_seq: [...repos.values()][0].seq, last_received_at: new Date().toISOString(), lag_seconds: 0.4 }, loops: [] });
  const send = (event, data) => {
    for (const res of streams) res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const timers = [
    setInterval(() => { for (const res of streams) res.write(': heartbeat\n\n'); }, 15_000),
    setInterval(() => {
      if (!moving) return;
      for (const repo of repos.values()) send('commits', { repo: repo.name, shas: repo.step(), seq: repo.seq });
      const l = labels[Math.floor(rand() * 4)];
      if (l.queued > 0 && rand() < 0.6) { l.queued -= 1; l.busy += 1; } else { l.busy -= 1; l.queued += 2; }
      send('fleet', totals());
      send('status', status());
    }, 700),
  ];

  const server = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://localhost');
    const json = (code, body) => {
      const text = zlib.gzipSync(JSON.stringify(body), { level: 4 });
      res.writeHead(code, { 'content-type': 'application/json', 'content-encoding': 'gzip', 'cache-control': 'no-store' }).end(text);
    };
    const api = /^\/api\/v1\/(.*)$/.exec(url.pathname);
    if (api) {
      if (api[1] === 'stream') {
        res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
        res.write('retry: 1000\n\n');
        streams.add(res);
        req.on('close', () => streams.delete(res));
        return;
      }
      if (api[1] === 'repos') return json(200, { repos: [...repos.keys()].map((name) => ({ name, branches: ['main', 'viable/strict', 'release/2.9'], default_branch: 'main' })) });
      if (api[1] === 'fleet') return json(200, fleet());
      if (api[1] === 'status') return json(200, status());
      const [, owner, name, what, sha] = api[1].split('/').map(decodeURIComponent);
      const repo = repos.get(`${owner}/${name}`);
      if (repo === undefined) return json(404, { error: 'No such repository.' });
      if (what === 'grid') return json(200, repo.grid(url.searchParams.get('branch') ?? 'main', Number(url.searchParams.get('per_page') ?? 50), url.searchParams.get('before')));
      const commit = repo.commits.find((c) => c.sha === (sha ?? url.searchParams.get('sha')));
      if (commit === undefined) return json(404, { error: 'No such commit.' });
      if (what === 'commits') return json(200, repo.commitPage(commit));
      if (what === 'cell') return json(200, repo.cell(commit, url.searchParams.get('name')));
      return json(404, { error: 'No such address.' });
    }
    const file = path.join(root, path.normalize(url.pathname));
    const found = file.startsWith(root) && existsSync(file) && statSync(file).isFile() ? file : path.join(root, 'index.html');
    res.writeHead(200, { 'content-type': TYPES[path.extname(found)] ?? 'application/octet-stream', 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff' });
    createReadStream(found).pipe(res);
  });
  return new Promise((resolve) => {
    server.listen(port, host, () => {
      resolve({
        url: `http://${host}:${server.address().port}`,
        close: () => {
          timers.forEach(clearInterval);
          for (const res of streams) res.end();
          server.closeAllConnections();
          return new Promise((done) => server.close(done));
        },
      });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const arg = (name) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? undefined : process.argv[at + 1];
  };
  const dist = arg('dist');
  const mock = await start({ port: Number(arg('port') ?? 8090), ...(dist ? { dist: path.resolve(dist) } : {}), seed: Number(arg('seed') ?? 7), moving: !process.argv.includes('--still') });
  console.log(mock.url);
}
