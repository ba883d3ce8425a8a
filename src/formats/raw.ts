import { object, required, type TypeOf } from '../shape/definition.ts';
import { text } from '../shape/fields.ts';
import { bytesOf, decodeOption } from './decode.ts';
import type { Format } from './format.ts';

const options = object({
  key: required(text, 'the key whose value is the file. It implies `format: raw`.'),
  decode: decodeOption,
});

/** The value of one key unchanged, without a newline added. Empty, when its optional secret is absent. */
export const raw: Format<TypeOf<typeof options>> = {
  name: 'raw',
  about: 'The value of one `key`, unchanged.',
  target: 'file',
  options,
  impliedBy: 'key',
  keyOf: ({ key }) => key,
  render(values, { key, decode }) {
    const decoded = bytesOf(key, values.get(key) ?? null, decode);
    return 'problem' in decoded
      ? { problems: [decoded.problem] }
      : { files: [{ name: undefined, content: decoded.content }] };
  },
};
