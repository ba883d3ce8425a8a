import { NoAnswer } from './wire.ts';

/**
 * @param error of Node's network modules
 * @throws NoAnswer with its code alone; the error as it is if it has none
 */
export function giveUp(error: unknown): never {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // OpenSSL's number for "wrong version number": the other side does not speak TLS.
  if (code === 'EPROTO' && String(message).includes(':error:0A00010B:'))
    throw new NoAnswer('ERR_SSL_WRONG_VERSION_NUMBER');
  if (typeof code === 'string') throw new NoAnswer(code);
  throw error;
}
