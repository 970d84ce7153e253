/** Starts and stops the real binary, each time with an empty data directory and a free port. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, within } from './patience.mjs';

const UI = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Settings that let the server talk to the provider a test runs at `baseUrl`. An address that the operator writes down
 * may be on this machine; no other loopback address is reached.
 */
export function openTo(baseUrl) {
  return { OPENAI_ALLOWED_API_BASE_URLS: baseUrl };
}

/**
 * @param {Record<string, string>} env
 * @param {string} host the name in the address that browsers open; the server itself listens on 127.0.0.1
 * @returns {Promise<{url: string, stop: () => Promise<void>}>}
 */
export async function startServer(env = {}, host = '127.0.0.1') {
  const running = process.env.WARDROOM_URL;
  if (running) return { url: running.replace(/\/$/, ''), stop: async () => {} };

  const dataDir = await mkdtemp(join(tmpdir(), 'wardroom-e2e-'));
  const port = await freePort();
  const binary = resolve(UI, process.env.WARDROOM_BIN ?? '../target/debug/wardroom');
  const child = spawn(binary, ['serve', '--demo'], {
    cwd: dataDir, // so that no `.env` of a developer is picked up
    env: { PATH: process.env.PATH, HOME: dataDir, HOST: '127.0.0.1', PORT: String(port), DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

  let log = '';
  const remember = (chunk) => (log = (log + chunk).slice(-4000));
  child.stdout.on('data', remember);
  child.stderr.on('data', remember);
  const gone = new Promise((done) => {
    child.once('exit', (code, signal) => done(`the server ended (${signal ?? code})`));
    child.once('error', (error) => done(`the server did not start: ${error.message}`));
  });

  const stop = async () => {
    child.kill('SIGTERM');
    await within(gone, 'stopping the server', 10_000).catch(() => child.kill('SIGKILL'));
    await rm(dataDir, { recursive: true, force: true });
  };

  const url = `http://${host}:${port}`;
  const ready = eventually(async () => (await fetch(`${url}/ready`)).ok, 'the server becoming ready', 30_000);
  const early = gone.then((why) => Promise.reject(new Error(why)));
  try {
    await Promise.race([ready, early]);
  } catch (error) {
    await stop();
    throw new Error(`${error.message}\n${log}`);
  }
  early.catch(() => {}); // its later end is stop()'s business
  return { url, stop };
}

async function freePort() {
  const probe = createServer();
  await new Promise((listening) => probe.listen(0, '127.0.0.1', listening));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}
