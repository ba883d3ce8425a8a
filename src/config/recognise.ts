/** A bundle of its own, `dist/other-languages.js`, which is loaded only when something does not parse. */
export { recogniseTemplate } from '../template/other-languages.ts';
export { recogniseConfig } from './no-config.ts';
