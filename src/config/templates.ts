import { dirname, extname, isAbsolute, join, normalize, resolve } from 'node:path';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { PATH_HINT, shownName, shownPath } from '../base/shown-text.ts';
import { utf8Text } from '../base/utf8.ts';
import { PendingPipe, readInput } from '../host/input-file.ts';
import { partialNames } from '../template/syntax.ts';
import type { DeclaredContent } from './config.ts';

export type TemplateContent = Extract<DeclaredContent, { kind: 'template' }>;

const LARGEST_BYTES = 16 * 1024 * 1024;

interface Partial {
  readonly source: string;
  readonly file: string;
}

/**
 * Reads a template file and all partials it needs, directly or through others.
 * @param directory of the config file, where template paths start
 * @throws RunError `config` for a file that cannot be read
 */
export function readTemplate(file: string, directory: string | undefined): TemplateContent {
  if (directory === undefined) throw noFiles('write the template here, as `contents`');
  const path = resolve(directory, file);
  const source = readText(path, file, 'template');
  return { kind: 'template', source, file, partials: readPartials(source, dirname(path), extname(file)) };
}

/** An inline template; its partials are next to the config file. */
export function inlineTemplate(source: string, directory: string | undefined): TemplateContent {
  return {
    kind: 'template',
    source,
    file: undefined,
    partials: readPartials(source, directory, '.mustache'),
  };
}

/** The config is somebody else's: a file of this machine would end up in their output. */
function noFiles(hint: string): RunError {
  return new RunError('config', 'this config may name no files', { hint });
}

function readPartials(
  source: string,
  directory: string | undefined,
  extension: string,
): Map<string, Partial> {
  const partials = new Map<string, Partial>();
  const queue = partialNames(source);
  if (queue.length === 0) return partials;
  if (directory === undefined) throw noFiles('write what the partial holds into the template');
  for (const name of queue) {
    if (partials.has(name)) continue;
    const partial = readPartial(name, directory, extension);
    partials.set(name, partial);
    queue.push(...partialNames(partial.source));
  }
  return partials;
}

/** `{{> name}}` is `name` in the template's directory, with the template's extension or without. */
function readPartial(name: string, directory: string, extension: string): Partial {
  if (isAbsolute(name) || normalize(name).startsWith('..')) {
    throw new RunError('config', 'a partial must be in the directory of its template, or below', {
      where: `{{> ${shownName(name)}}}`,
      hint: 'move it there',
    });
  }
  const candidates = [`${name}${extension}`, name];
  for (const file of candidates) {
    try {
      return { source: readText(join(directory, file), file, 'partial'), file };
    } catch (error) {
      if (!(error instanceof RunError) || !error.message.includes('ENOENT')) throw error;
    }
  }
  throw new RunError('config', `the partial {{> ${shownName(name)}}} does not exist`, {
    where: directory,
    hint: `create one of: ${[...new Set(candidates)].map(shownName).join(', ')}`,
  });
}

function readText(path: string, name: string, what: 'template' | 'partial'): string {
  const field = `\`${what}\``;
  let bytes: Buffer;
  try {
    bytes = readInput(path, LARGEST_BYTES);
  } catch (error) {
    if (error instanceof PendingPipe) throw error;
    if (systemErrorCode(error) === 'EFBIG') {
      throw new RunError('config', `the file is too large for a ${what}`, {
        where: name,
        hint: 'check the path: it has more than 16 MiB',
      });
    }
    const base = what === 'template' ? 'config file' : 'template';
    const code = systemErrorCode(error) ?? 'unknown error';
    const where = shownPath(name, field, code === 'EACCES' || code === 'EISDIR');
    throw new RunError('config', `the ${what} cannot be read (${code})`, {
      where,
      hint:
        where === name ? `check the path, which is relative to the ${base}, and its permissions` : PATH_HINT,
    });
  }
  const text = utf8Text(bytes);
  if (text === undefined) {
    throw new RunError('config', `the ${what} is not UTF-8 text`, {
      where: shownPath(name, field, true),
      hint: 'save it as UTF-8',
    });
  }
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
