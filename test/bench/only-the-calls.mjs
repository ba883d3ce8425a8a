// The floor of a client on Node: the same requests over the same number of connections, files written, and nothing else.
// No config, no checks, no retries, no atomic writes. Usage: node only-the-calls.mjs JOB.json
const fs = process.getBuiltinModule('node:fs');

const { address, caFile, roleId, secretId, output, paths } = JSON.parse(
  fs.readFileSync(process.argv[2], 'utf8'),
);
const client = process.getBuiltinModule(caFile === '' ? 'node:http' : 'node:https');
const tls = caFile === '' ? {} : { ca: fs.readFileSync(caFile) };
const agent = new client.Agent({ keepAlive: true, maxSockets: 16, ...tls });

function call(method, path, token, body) {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { 'X-Vault-Token': token };
    const request = client.request(`${address}/v1/${path}`, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(text === '' ? undefined : JSON.parse(text)));
    });
    request.on('error', reject).end(body);
  });
}

const { auth } = await call(
  'POST',
  'auth/approle/login',
  undefined,
  JSON.stringify({ role_id: roleId, secret_id: secretId }),
);
const token = auth.client_token;
await call('GET', 'sys/internal/ui/mounts', token);
const secrets = await Promise.all(paths.map((path) => call('GET', `secret/data/${path}`, token)));
fs.mkdirSync(output, { recursive: true });
secrets.forEach(({ data }, index) =>
  fs.writeFileSync(`${output}/${index}`, `password=${data.data.password}`),
);
await call('POST', 'auth/token/revoke-self', token);
agent.destroy();
