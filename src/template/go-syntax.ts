import { isCredential, subjectOf, type Subject } from './go-fields.ts';

/** Something that another template language has, and what takes its place here. */
export interface Construct {
  /** As a message shows it: without anything that stood in quotes, which may be a credential. */
  readonly shown: string;
  /** `becomes …`, `has no counterpart: …`. */
  readonly here: string;
}

/**
 * Recognises a tag of Go's text/template with the functions of consul-template.
 * @param tag without delimiters, trim markers and what stands in quotes
 */
export function goConstruct(tag: string, source: string): Construct | undefined {
  const word = /^[\w$]+/.exec(tag)?.[0] ?? '';
  if (/^\/\*/.test(tag)) return { shown: '{{/* … */}}', here: 'becomes `{{! … }}`' };
  if (/^\$\w+(?:\s*,\s*\$\w+)?\s*:?=/.test(tag)) {
    return {
      shown: '{{ $… := … }}',
      here: 'has no counterpart: write `{{db.KEY}}` where the variable is used',
    };
  }
  const call = /^(?:(?:with|range)\s+(?:\$\w+\s*(?:,\s*\$\w+\s*)?:=\s*)?)?(secrets?|pkiCert)\s/.exec(
    tag,
  )?.[1];
  if (call !== undefined) return fetching(call, tag);
  if (word === 'range') return { shown: '{{ range … }}', here: `becomes ${loop(tag, source)}` };
  if (/^(?:if|else if|with)\s/.test(tag)) return condition(tag, source);
  return functionCall(tag, source) ?? field(tag, source);
}

function fetching(call: string, tag: string): Construct {
  if (call === 'secrets') {
    return {
      shown: `{{ ${tag.startsWith('range') ? 'range ' : ''}secrets "…" }}`,
      here: 'becomes `{{#names.keys}}{{.}}{{/names.keys}}`, with `names: { path: secret/app, list: true }` under `secrets:`',
    };
  }
  if (call === 'pkiCert') {
    return {
      shown: '{{ with pkiCert "…" }}',
      here: 'becomes `tls: { path: pki/issue/ROLE, write: { common_name: NAME } }` under `secrets:`; its keys are `{{tls.certificate}}`, `{{tls.private_key}}` and `{{tls.issuing_ca}}`',
    };
  }
  const body = /"…"\s+"…"/.test(tag) ? '; the other arguments become its `write:`' : '';
  return {
    shown: `{{ ${tag.startsWith('with') ? 'with ' : ''}secret "…" }}`,
    here: `becomes an entry under \`secrets:\`, as \`db: secret/app/db\`, and needs no block${body}`,
  };
}

function loop(tag: string, source: string): string {
  const subject = subjectOf(tag, source);
  if (subject === undefined || subject.isWhole)
    return '`{{#db.@entries}}{{key}}={{value}}{{/db.@entries}}`, over all keys of a secret';
  return `\`{{#${subject.name}}}{{.}}{{/${subject.name}}}\`, over a list`;
}

function condition(tag: string, source: string): Construct {
  const name = subjectOf(tag, source)?.name ?? 'db.KEY';
  const word = /^(?:else )?\w+/.exec(tag)?.[0] ?? '';
  const shown = `{{ ${word} … }}`;
  const [section, inverted] = [`\`{{#${name}}}…{{/${name}}}\``, `\`{{^${name}}}…{{/${name}}}\``];
  if (/\b(?:eq|ne|lt|le|gt|ge|and|or|not)\s/.test(tag)) {
    const here = `has no counterpart, as nothing is compared here; ${section} and ${inverted} test for a value`;
    return { shown, here };
  }
  return { shown, here: `becomes ${section}, and its \`else\` ${inverted}` };
}

/** Sections that do the same as functions of consul-template, Sprig and Jinja. */
const SECTIONS: ReadonlyMap<string, string> = new Map([
  ...['toJSON', 'toUnescapedJSON', 'tojson', 'to_json'].map((name) => [name, '@json'] as const),
  ...['toYAML', 'to_yaml'].map((name) => [name, '@yaml'] as const),
  ['toTOML', '@toml'],
  ...['base64Encode', 'b64enc', 'b64encode'].map((name) => [name, '@base64'] as const),
  ...['base64Decode', 'b64dec', 'b64decode'].map((name) => [name, '@base64decode'] as const),
  ...['urlquery', 'urlencode'].map((name) => [name, '@url'] as const),
  ...['indent', 'nindent'].map((name) => [name, '@indent'] as const),
]);

const NO_FUNCTION = 'has no counterpart: values are written unchanged, so store them as they are needed';

/** Functions without a section that does the same. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:env|mustEnv|envOrDefault)$/,
    'has no counterpart in a template file: `${VAR}` works in the config, and so in an inline template (`contents:`)',
  ],
  [
    /^(?:key|keyExists|keyOrDefault|services?|nodes?|ls|safeLs|tree|safeTree|datacenters)$/,
    'has no counterpart: nothing is read from Consul',
  ],
  [
    /^(?:template|executeTemplate|include|define|block)$/,
    'becomes `{{> name}}`, a partial in a file next to the template',
  ],
  [/^default$/, 'becomes a `default:` of the secret, in the config'],
  [/^file$/, 'has no counterpart: only partials, `{{> name}}`, are read'],
  [
    /^(?:and|or|not|eq|ne|len|printf?|println|trim\w*|toLower|toUpper|lower|upper|toTitle|replaceAll|regexReplaceAll|regexMatch|split|join|contains|s?quote|parse[A-Z]\w*|toJSONPretty|sha256Hex|md5sum|hmacSHA256Hex|base64URL\w+|timestamp|writeToFile|byKey|explode|scratch|sockaddr|plugin|sprig_\w+)$/,
    NO_FUNCTION,
  ],
];

function functionCall(tag: string, source: string): Construct | undefined {
  const piped = [...tag.matchAll(/\|\s*(\w+)/g)].map(([, name = '']) => name);
  const called = /^(\w+)\s+(?=["$.(\d]|\w+\.)/.exec(tag)?.[1];
  const names = [...(called === undefined ? [] : [called]), ...piped];
  const [name] = names;
  if (name === undefined) return undefined;
  const shown = called === undefined ? `{{ … | ${name} }}` : `{{ ${name} … }}`;
  const here = replacement(name, subjectOf(tag, source));
  if (here !== undefined) return { shown, here };
  // A function of that name is unknown: a value through a pipe is one of another language in any case.
  return piped.length > 0 ? { shown: '{{ … | … }}', here: NO_FUNCTION } : undefined;
}

function replacement(name: string, subject: Subject | undefined): string | undefined {
  const section = SECTIONS.get(name);
  if (section !== undefined) {
    if (section === '@json' && subject?.isWhole === true)
      return `becomes \`{{${subject.name}}}\`, which is JSON`;
    const value = subject === undefined || subject.isWhole ? 'db.KEY' : subject.name;
    return `becomes \`{{#${section}}}{{${value}}}{{/${section}}}\``;
  }
  if (name === 'index') return `becomes \`{{${subject?.isWhole === false ? subject.name : 'db'}.KEY}}\``;
  return OTHERS.find(([names]) => names.test(name))?.[1];
}

/** A field that is output: `.Data.data.password`. */
function field(tag: string, source: string): Construct | undefined {
  if (!/^(?:\$\w*)?\.[\w.]{1,60}$/.test(tag)) return undefined;
  const subject = subjectOf(tag, source);
  const shown = `{{ ${isCredential(tag) ? '.…' : tag} }}`;
  return subject && { shown, here: `becomes \`{{${subject.name}}}\`` };
}
