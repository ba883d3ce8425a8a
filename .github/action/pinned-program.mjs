import { hash, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Refused } from './workflow-commands.mjs';

/** Written by the release: version, address, and the checksum of the program for each platform. */
const PIN = new URL('release.json', import.meta.url);
const PAUSES_MS = [1000, 3000];
const MOST_REDIRECTS = 5;
const IDLE_MS = 60_000;

/**
 * The program of the pinned release for this machine: from the runner's tool cache, or downloaded into it. It is what the release has
 * made, by its checksum, each time.
 */
export async function pinnedProgram() {
  const { version, url, sha256 } = pin();
  const target = thisMachine();
  const wanted = sha256[target];
  if (wanted === undefined)
    throw new Refused(3, `there is no program for ${target}, only for ${Object.keys(sha256).join(', ')}`);
  const places = ['RUNNER_TOOL_CACHE', 'RUNNER_TEMP']
    .map((name) => process.env[name] ?? '')
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, 'vaultonce', version, target, 'vaultonce'));
  const kept = places.find((file) => sumOf(file) === wanted);
  if (kept !== undefined) return kept;
  const address = `${url}/vaultonce-${target}`;
  const bytes = await download(address);
  const found = hash('sha256', bytes);
  if (found !== wanted)
    throw new Refused(
      10,
      `${address} is not what was released: its SHA-256 is ${found}, not ${wanted}; nothing of it was run`,
    );
  process.stdout.write(`vaultonce ${version} for ${target}: downloaded, and its checksum is right\n`);
  return keep(bytes, places);
}

function pin() {
  try {
    return JSON.parse(readFileSync(PIN, 'utf8'));
  } catch {
    throw new Refused(
      3,
      'this copy of the action pins no release: use that of a tag, such as `vaultonce/vaultonce@action-v0`, or set `command`',
    );
  }
}

/** As releases name it. Node of an image with musl is built for it. */
function thisMachine() {
  process.report.excludeNetwork = true;
  const { glibcVersionRuntime } = process.report.getReport().header;
  const isMusl = process.platform === 'linux' && glibcVersionRuntime === undefined;
  return `${process.platform}-${process.arch}${isMusl ? '-musl' : ''}`;
}

function sumOf(file) {
  try {
    return hash('sha256', readFileSync(file));
  } catch {
    return undefined;
  }
}

/** In the first place that can be written to. Another job may do the same: it appears whole. */
function keep(bytes, places) {
  let reason = 'neither $RUNNER_TOOL_CACHE nor $RUNNER_TEMP is set';
  for (const file of places) {
    const part = `${file}.${randomUUID()}`;
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(part, bytes, { flag: 'wx', mode: 0o600 });
      chmodSync(part, 0o755);
      renameSync(part, file);
      return file;
    } catch ({ code }) {
      reason = `${dirname(file)}: ${code}`;
      discard(part);
    }
  }
  throw new Refused(8, `the program cannot be kept (${reason})`);
}

function discard(file) {
  try {
    rmSync(file, { force: true });
  } catch {
    // Why it could not be written matters more.
  }
}

async function download(address) {
  for (const pause of [...PAUSES_MS, undefined]) {
    try {
      return await bytesAt(new URL(address), MOST_REDIRECTS);
    } catch (error) {
      if (pause === undefined || error.isFinal === true)
        throw new Refused(
          9,
          `${address} cannot be downloaded (${error.code ?? error.message}); \`command\` names an installed program`,
        );
      await delay(pause);
    }
  }
}

/** Through the proxy that the environment names, if Node knows how. */
function bytesAt(url, redirects) {
  const { Agent, get } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const options = { agent: new Agent({ proxyEnv: process.env }), timeout: IDLE_MS };
    const request = get(url, options, (response) => {
      const { statusCode: status, headers } = response;
      response.once('error', reject);
      if (status === 200) {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk)).once('end', () => resolve(Buffer.concat(chunks)));
        return;
      }
      response.resume();
      if (status >= 300 && status < 400 && headers.location !== undefined && redirects > 0)
        resolve(bytesAt(new URL(headers.location, url), redirects - 1));
      else reject(Object.assign(new Error(`status ${status}`), { isFinal: status < 500 && status !== 429 }));
    });
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', reject);
  });
}
