import { RunError, type Failure } from '../base/errors.ts';
import type { ServerSettings } from '../http/server.ts';
import { pathText } from './path-text.ts';
import { declarationOf, placeOfKey } from './problems.ts';
import type { AuthConfig, LoginPlace, LoginPlaces } from './config.ts';
import type { Merged } from './merge.ts';

/** Where each of the logins is declared. That of a config without `auth` is nowhere. */
export function placesOfLogins(logins: readonly AuthConfig[], merged: Merged): LoginPlaces {
  const { auth } = merged.value;
  if (auth === undefined) return new Map();
  const places = logins.map((login, index): readonly [AuthConfig, LoginPlace] => {
    const path = Array.isArray(auth) ? ['auth', index] : ['auth'];
    const name = pathText(path);
    return [login, { name, of: (field) => placeOf(path, field, merged) }];
  });
  return new Map(places);
}

function placeOf(login: readonly (string | number)[], field: string | undefined, merged: Merged): string {
  const path = field === undefined ? login : [...login, field];
  const name = pathText(path);
  const place = declarationOf(path, name, merged);
  // `--auth token` says no more of a field than that it is there.
  return field === undefined || place.endsWith(field) ? place : `${place}, ${name}`;
}

/** Files that are missing are reported long after this. */
export function placedServer({ tls, ...server }: ServerSettings, merged: Merged): ServerSettings {
  const ca = tls.ca && { ...tls.ca, from: placeOfKey(tls.ca.from, merged) };
  const fields = Object.entries(tls.fields ?? {}).map(([name, key]) => [name, placeOfKey(key, merged)]);
  return {
    ...server,
    tls: { ...tls, ca, fields: Object.fromEntries(fields) as NonNullable<typeof tls.fields> },
  };
}

/** Does work that may fail, and collects its failures: in the words of a key, with the place of that. */
export function collectorOf(failures: Failure[], merged: Merged) {
  return <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      for (const { where, ...failure } of error.failures)
        failures.push({ ...failure, where: where && placeOfKey(where, merged) });
      return undefined;
    }
  };
}
