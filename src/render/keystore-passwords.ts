import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { credentialFromFile } from '../host/credential-files.ts';
import type { OutputPlan } from '../plan/outputs.ts';

/**
 * Reads the passwords of key stores that are in files.
 * @throws RunError `config` for every one that cannot be read
 */
export function readPasswords(outputs: readonly OutputPlan[]): readonly OutputPlan[] {
  const failures: Failure[] = [];
  const complete = outputs.map((output): OutputPlan => {
    const { content, where } = output;
    if (content.kind !== 'format' || content.password?.kind !== 'file') return output;
    try {
      const secret = credentialFromFile(content.password.path, 'the password of the key store');
      return { ...output, content: { ...content, password: { kind: 'given', secret } } };
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      failures.push(
        ...error.failures.map((failure) => ({ ...failure, where: `${where}, ${failure.where ?? ''}` })),
      );
      return output;
    }
  });
  throwIfAny(failures);
  return complete;
}
