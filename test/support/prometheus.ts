import { spawnSync } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { carriedBinaries } from './wheel.ts';

/** A sample as Prometheus's own client for Python reads it. */
export interface Sample {
  /** Of the family, without `_total`. */
  readonly family: string;
  readonly type: string;
  readonly help: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const PARSER = 'prometheus_client/parser.py';

const SCRIPT = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
samples = [
    dict(family=f.name, type=f.type, help=f.documentation, name=s.name, labels=s.labels, value=s.value)
    for text in json.load(sys.stdin) for f in text_string_to_metric_families(text) for s in f.samples
]
json.dump(samples, sys.stdout)
`;

/** Where the parser is, downloaded once. */
export async function prometheusParser(): Promise<string> {
  return carriedBinaries({
    packageName: 'prometheus_client',
    version: '0.26.0',
    directory: (files) => (files.includes(PARSER) ? '.' : undefined),
    cachedAs: 'prometheus-client-0.26.0',
    program: PARSER,
    prepare: (directory) => chmod(join(directory, PARSER), 0o755),
  });
}

/**
 * Reads texts in the format of Prometheus.
 * @param parser that of `prometheusParser`
 * @throws if one of them is none
 */
export function readMetrics(parser: string, texts: readonly string[]): readonly Sample[] {
  const { stdout, stderr, status, error } = spawnSync('python3', ['-c', SCRIPT], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, PYTHONPATH: parser },
  });
  if (status !== 0) throw new Error(stderr, { cause: error });
  return JSON.parse(stdout) as Sample[];
}
