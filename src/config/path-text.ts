import { shownName } from '../base/shown-text.ts';
import type { ConfigPath } from './interpolate.ts';

/** `outputs[1].mode` */
export function pathText(path: ConfigPath): string {
  const text = path
    .map((step, index) =>
      typeof step === 'number' ? `[${String(step)}]` : `${index === 0 ? '' : '.'}${shownName(step)}`,
    )
    .join('');
  return shownName(text);
}
