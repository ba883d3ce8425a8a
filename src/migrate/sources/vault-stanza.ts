import { literal, literalOf, type Draft } from '../draft.ts';
import type { Stanza } from '../stanza.ts';

/**
 * The server's address, unless it holds a password.
 * @param address for the config, where `${NAME}` is a variable
 */
export function setAddress(address: string | undefined, where: string, draft: Draft): void {
  if (address === undefined) return;
  if (/\/\/[^/]*@/.test(address)) {
    draft.problem(
      where,
      'the address of the server holds a password, which is left out',
      'remove what is before the `@`: Vault has no use for it',
    );
    return;
  }
  draft.set('vault', 'address', address, where);
}

/** The settings of TLS that agents, consul-template and their CLI share, by their names here. */
const TLS: Readonly<Record<string, string>> = {
  ca_cert: 'ca_cert',
  ca_path: 'ca_path',
  client_cert: 'client_cert',
  client_key: 'client_key',
  tls_server_name: 'server_name',
};

/** `vault { … }` of an agent. */
export function readAgentServer(stanza: Stanza, draft: Draft): void {
  setAddress(literalOf(stanza.text('address')), stanza.where('address'), draft);
  setText(stanza, 'namespace', ['vault', 'namespace'], draft);
  for (const [theirs, ours] of Object.entries(TLS)) setText(stanza, theirs, ['vault.tls', ours], draft);
  if (stanza.boolean('tls_skip_verify') === true)
    draft.set('vault.tls', 'skip_verify', true, stanza.where('tls_skip_verify'));
  if (stanza.knows('retry')) draft.note('retry', stanza.where('retry'));
  stanza.end('the agent');
}

/** Sets a key to the text of another one. */
export function setText(
  stanza: Stanza,
  key: string,
  [section, ours]: readonly [Parameters<Draft['set']>[0], string],
  draft: Draft,
): void {
  const text = stanza.text(key);
  if (text !== undefined) draft.set(section, ours, literal(text), stanza.where(key));
}
