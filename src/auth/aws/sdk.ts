/** A bundle of its own, which nobody else loads: `dist/aws-sdk.js`. */
export { defaultProvider } from '@aws-sdk/credential-provider-node';
