import { DEEPEST } from '../base/depth.ts';
import { throwIfAny, type Failure } from '../base/errors.ts';
import { looksLikeCredential, shownName } from '../base/shown-text.ts';
import { checkRef, REF_HINT } from '../shape/ref.ts';
import { checkSecretPath } from '../shape/vault-paths.ts';
import { currentKey } from './old-names.ts';
import type { Override } from './override.ts';
import type { Flags } from './settings.ts';
import type { Source } from './source.ts';

/** The part of a config that the command line holds. */
export interface FlagConfig {
  /** What adds to the files: `--secret`, `--out`. */
  readonly source: Source;
  /** What overrides them: `--auth`, `--role`, `--auth-mount`, `--set`. */
  readonly overrides: readonly Override[];
  /** Whether they say enough for a run without a file. */
  readonly suffices: boolean;
}

type Declared = { readonly flag: string; readonly key: string; readonly value: string };

const SECRET_HINT = 'write --secret NAME=PATH, as --secret db=secret/app/db';
const OUT_HINT = `write --out PATH=REF, as --out password=secret/app/db#password; for REF ${REF_HINT}`;
const SET_HINT = 'write --set KEY=VALUE with the keys of the config, as --set vault.namespace=team-a';

/**
 * Turns flags into config. Their values are taken as they stand, without `${VAR}`: the shell has replaced what it should.
 * @param outputs those of `--out`
 * @throws RunError `usage` with everything that is written wrongly
 */
export function configOfFlags(flags: Flags, outputs: readonly string[], cwd: string): FlagConfig {
  const failures: Failure[] = [];
  const { auth, role, authMount } = flags;
  const secrets = declared(flags.secret ?? [], '--secret', SECRET_HINT, secretProblem, failures);
  const files = declared(outputs, '--out', OUT_HINT, outProblem, failures);
  const settings = declared(flags.set ?? [], '--set', SET_HINT, settingProblem, failures);
  const named: Override[] = [
    ...(auth === undefined ? [] : [{ flag: '--auth', path: ['auth'], value: { method: auth } }]),
    ...(role === undefined ? [] : [{ flag: '--role', path: ['auth', 'role'], value: role }]),
    ...(authMount === undefined ? [] : [{ flag: '--auth-mount', path: ['auth', 'mount'], value: authMount }]),
  ];
  const set = settings.map(({ flag, key, value }) => ({ flag, path: currentKey(key).split('.'), value }));
  const overrides = [...named, ...set];
  failures.push(...repeated(overrides));
  throwIfAny(failures);
  const source: Source = {
    kind: 'flags',
    name: 'flags',
    directory: cwd,
    value: {
      ...(secrets.length === 0
        ? {}
        : { secrets: Object.fromEntries(secrets.map(({ key, value }) => [key, value])) }),
      ...(files.length === 0 ? {} : { outputs: files.map(({ key, value }) => ({ path: key, value })) }),
    },
    placeOf: ([part, which]) =>
      (part === 'outputs' ? files[Number(which)] : secrets.find(({ key }) => key === which))?.flag ?? 'flags',
  };
  return { source, overrides, suffices: secrets.length + files.length > 0 || auth !== undefined };
}

/** The parts of `KEY=VALUE`. The key is named in messages unless it looks like a credential, the value never. */
function declared(
  texts: readonly string[],
  flag: string,
  hint: string,
  problemWith: (key: string, value: string) => string | undefined,
  failures: Failure[],
): Declared[] {
  const found: Declared[] = [];
  for (const text of texts) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    const where = key === '' ? flag : `${flag} ${shownName(key)}`;
    const problem = problemWith(key, value);
    if (problem !== undefined) {
      failures.push({ kind: 'usage', message: `a value of ${flag} is not valid: ${problem}`, where, hint });
    } else if (flag === '--secret' && found.some((other) => other.key === key)) {
      failures.push({
        kind: 'usage',
        message: `--secret names \`${key}\` twice`,
        where,
        hint: 'name each secret once',
      });
    } else found.push({ flag: where, key, value });
  }
  return found;
}

const NO_PAIR = 'nothing stands before a `=`';

function secretProblem(name: string, path: string): string | undefined {
  if (name === '') return NO_PAIR;
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) || !isKey(name))
    return 'a name starts with a letter and has letters, digits, `_` and `-` only';
  const checked = checkSecretPath(path);
  return 'problem' in checked ? `its path ${checked.problem}` : undefined;
}

function outProblem(path: string, ref: string): string | undefined {
  if (path === '') return NO_PAIR;
  if (looksLikeCredential(path)) return 'before the first `=` is no path';
  const checked = checkRef(ref);
  return 'problem' in checked ? `after the first \`=\` is no reference: ${checked.problem}` : undefined;
}

function settingProblem(key: string): string | undefined {
  const steps = key.split('.');
  const isRight = steps.length <= DEEPEST && steps.every((step) => step !== '' && isKey(step));
  return isRight ? undefined : 'nothing before a `=` is the path of a key';
}

/** The validator leaves this one out without a word. */
function isKey(name: string): boolean {
  return name !== '__proto__';
}

/** Which of two would win depends on their order, which nobody should need to know. */
function repeated(overrides: readonly Override[]): Failure[] {
  return overrides.flatMap(({ flag, path }, index) => {
    const key = path.join('.');
    const other = overrides.slice(0, index).find((one) => one.path.join('.') === key);
    if (other === undefined) return [];
    const message = `\`${shownName(key)}\` is set twice, by ${other.flag} and ${flag}`;
    return [{ kind: 'usage', message, where: flag, hint: 'keep one of them' }];
  });
}
