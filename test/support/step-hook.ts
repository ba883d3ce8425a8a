/**
 * What `$NODE_OPTIONS` loads into the program to count its changes of the file system below a directory, and to do something at one of
 * them: a signal, or an error as the kernel would return it. It names each step in a file.
 */
export const STEP_HOOK = `
'use strict';
const fs = require('node:fs');
const { root, log, at, action } = JSON.parse(process.env.VAULTONCE_TEST_STEPS);
const ERRNO = { EIO: -5, EACCES: -13, EBUSY: -16, ENOSPC: -28, EROFS: -30, EDQUOT: -122, EPERM: -1, ENOENT: -2 };
const { appendFileSync } = fs;
const ours = new Set();
let steps = 0;
const isOurs = (target) => (typeof target === 'number' ? ours.has(target) : String(target).startsWith(root));
const step = (name, args) => {
  const target = args.find(isOurs);
  if (target === undefined) return;
  steps += 1;
  appendFileSync(log, name + ' ' + String(target) + '\\n');
  if (steps !== at) return;
  if (action.startsWith('SIG')) {
    process.kill(process.pid, action);
    return;
  }
  const error = new Error(action + ': made by the test, ' + name);
  throw Object.assign(error, { code: action, errno: ERRNO[action], syscall: name.replace('Sync', ''), path: typeof target === 'string' ? target : undefined });
};
const CHANGES = ['writeSync', 'writeFileSync', 'fsyncSync', 'fdatasyncSync', 'fchmodSync', 'fchownSync', 'chmodSync', 'chownSync', 'lchownSync', 'linkSync', 'symlinkSync', 'renameSync', 'unlinkSync', 'rmSync', 'rmdirSync', 'mkdirSync', 'truncateSync', 'ftruncateSync'];
for (const name of CHANGES) {
  const real = fs[name];
  fs[name] = (...args) => {
    step(name, name === 'symlinkSync' ? args.slice(1) : args);
    return real(...args);
  };
}
const { openSync, closeSync } = fs;
fs.openSync = (path, flags, ...rest) => {
  const writes = typeof flags === 'number' ? (flags & 3) !== 0 : /[wa+]/.test(String(flags));
  if (writes) step('openSync', [path]);
  const descriptor = openSync(path, flags, ...rest);
  if (isOurs(path)) ours.add(descriptor);
  return descriptor;
};
fs.closeSync = (descriptor) => {
  ours.delete(descriptor);
  closeSync(descriptor);
};
`;
