import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isExempt } from '../../src/http/no-proxy.ts';
import { parseProxy, proxyOf } from '../../src/http/proxy.ts';
import { proxiesForSdk } from '../../src/http/sdk-proxies.ts';

/** Each line was also asked of Go 1.26's http.ProxyFromEnvironment. */
const CASES: readonly (readonly [noProxy: string, host: string, exempt: boolean])[] = [
  ['mycompany.test', 'vault.mycompany.test', true],
  ['mycompany.test', 'mycompany.test', true],
  ['mycompany.test', 'notmycompany.test', false],
  ['.mycompany.test', 'vault.mycompany.test', true],
  ['.mycompany.test', 'mycompany.test', false],
  ['*.mycompany.test', 'a.vault.mycompany.test', true],
  ['*.mycompany.test', 'mycompany.test', false],
  ['MyCompany.TEST', 'vault.mycompany.test', true],
  ['mycompany.test:8200', 'vault.mycompany.test:8200', true],
  ['mycompany.test:8200', 'vault.mycompany.test', false],
  ['mycompany.test:443', 'vault.mycompany.test', true],
  ['other.test , mycompany.test', 'vault.mycompany.test', true],
  ['*', 'vault.mycompany.test', true],
  ['other.test,*', '10.1.2.3', true],
  ['', 'vault.mycompany.test', false],
  [',', 'vault.mycompany.test', false],
  ['10.0.0.0/8', '10.1.2.3', true],
  ['10.0.0.0/8', '11.1.2.3', false],
  ['10.0.0.0/8', 'ten.test', false],
  ['10.1.2.3/32', '10.1.2.3:8200', true],
  ['10.0.0.0/33', '10.0.0.0', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.3', '10.1.2.30', false],
  ['10.1.2.3:8200', '10.1.2.3:8200', true],
  ['10.1.2.3:8200', '10.1.2.3:8201', false],
  ['fd00::/8', '[fd00::1]', true],
  ['fd00::/8', '[fe00::1]', false],
  ['fd00::1', '[fd00::1]', true],
  ['fd00:0::1', '[fd00::1]:8200', true],
  ['[fd00::1]:8200', '[fd00::1]:8200', true],
  ['[fd00::1]:8200', '[fd00::1]:8201', false],
  ['[fd00::1]', '[fd00::1]', false],
  [':8200', 'vault.mycompany.test:8200', false],
  ['bücher.test', 'vault.xn--bcher-kva.test', true],
  ['localhost', 'vault.localhost', true],
  ['', '127.0.0.1', true],
  ['', 'localhost', true],
  ['', '[::1]', true],
  ['', '127.9.9.9:8200', true],
];

describe('NO_PROXY', () => {
  test('is translated into what an agent of Node understands', () => {
    const { NO_PROXY = '', ...rest } = proxiesForSdk({
      https_proxy: 'proxy.test:3128',
      NO_PROXY: 'a.test, .b.test,10.1.2.3/8,192.168.1.4/30,fd00::/8,10.1.2.3:80',
    });
    assert.deepEqual(rest, { HTTPS_PROXY: 'http://proxy.test:3128/' });
    assert.deepEqual(NO_PROXY.split(',').slice(-7), [
      'a.test',
      '.a.test',
      '.b.test',
      '10.0.0.0-10.255.255.255',
      '192.168.1.4-192.168.1.7',
      '10.1.2.3:80',
      '.10.1.2.3:80',
    ]);
  });

  test('exempts what Go would exempt', () => {
    for (const [noProxy, host, exempt] of CASES) {
      const env = { HTTPS_PROXY: 'http://proxy.test:3128', NO_PROXY: noProxy };
      const proxy = proxyOf({ address: `https://${host}`, proxyAddress: undefined }, env);
      assert.equal(proxy === undefined, exempt, `${noProxy} and ${host}`);
    }
    assert.equal(isExempt('a.test', { host: 'a.test', port: '1' }), true);
  });

  test('each scheme has its variable, in capitals first; an empty one counts as unset', () => {
    const at = (address: string, env: Record<string, string>): string | undefined =>
      proxyOf({ address, proxyAddress: undefined }, env)?.url;
    const both = { HTTP_PROXY: 'http://plain.test:1', HTTPS_PROXY: 'http://tls.test:2' };
    assert.equal(at('http://vault.test', both), 'http://plain.test:1/');
    assert.equal(at('https://vault.test', both), 'http://tls.test:2/');
    assert.equal(at('https://vault.test', { HTTP_PROXY: 'http://plain.test:1' }), undefined);
    assert.equal(
      at('https://vault.test', { https_proxy: 'a.test:1', HTTPS_PROXY: 'b.test:2' }),
      'http://b.test:2/',
    );
    assert.equal(at('https://vault.test', { https_proxy: 'a.test:1', HTTPS_PROXY: '' }), 'http://a.test:1/');
    assert.equal(at('https://vault.test', { https_proxy: 'a.test:1', no_proxy: 'vault.test' }), undefined);
    assert.equal(at('unix:///run/vault.sock', both), undefined);
  });

  test('a proxy is a URL of http or https, or host and port', () => {
    for (const [text, url, name] of [
      ['127.0.0.1:3128', 'http://127.0.0.1:3128/', '127.0.0.1:3128'],
      ['proxy.test', 'http://proxy.test/', 'proxy.test'],
      ['localhost:3128', 'http://localhost:3128/', 'localhost:3128'],
      ['user:pass@proxy.test:3128', 'http://user:pass@proxy.test:3128/', 'proxy.test:3128'],
      ['https://user:pass@proxy.test', 'https://user:pass@proxy.test/', 'proxy.test'],
    ] as const) {
      assert.deepEqual(parseProxy(text, '$HTTPS_PROXY'), { url, name, from: '$HTTPS_PROXY' });
    }
    for (const text of [
      'socks5://proxy.test:1080',
      'socks5h://p.test',
      'ftp://p.test',
      'http://',
      'a b',
      ':3128',
    ]) {
      assert.throws(
        () => parseProxy(text, '$HTTPS_PROXY'),
        /the proxy in \$HTTPS_PROXY is not supported/,
        text,
      );
    }
  });
});
