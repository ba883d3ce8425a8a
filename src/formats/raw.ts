import { bytesOf } from './decode.ts';
import type { Format } from './format.ts';

/** The value of one key as it stands, without a newline added. Empty, when its optional secret is absent. */
export const raw: Format = {
  name: 'raw',
  target: 'file',
  render(values, { key = '', decode }) {
    const decoded = bytesOf(key, values.get(key) ?? null, decode);
    return 'problem' in decoded
      ? { problems: [decoded.problem] }
      : { files: [{ name: undefined, content: decoded.content }] };
  },
};
