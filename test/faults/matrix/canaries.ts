/** Is part of every credential and every value of a run: it must show nowhere, in no form. */
export const CANARY = 'xq7canary9k';

/** How a text could pass a filter that looks for it as it is. Base64 has three, by where in a longer text it stands. */
function formsOf(text: string): readonly string[] {
  const shifted = ['', 'x', 'xy'].map((before) => {
    const encoded = Buffer.from(`${before}${text}`).toString('base64');
    // The first and the last characters depend on what stands beside it.
    return encoded.slice(before === '' ? 0 : 4, -4);
  });
  return [
    text,
    Buffer.from(text).toString('hex'),
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join(''),
    ...shifted,
  ];
}

const FORMS = formsOf(CANARY);

/** @returns the form in which it shows, if it does */
export function canaryIn(text: string): string | undefined {
  return FORMS.find((form) => text.includes(form));
}
