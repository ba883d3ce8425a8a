import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ConfigPath } from '../../src/config/interpolate.ts';
import { overDefaults, withoutOutputs } from '../../src/config/layers.ts';
import { isFields, mergeSources, type Fields, type Merged } from '../../src/config/merge.ts';

/** Defaults below a config, whatever their keys are. */
describe('a layer of defaults', () => {
  const layer = (name: string, value: Fields): Merged =>
    mergeSources([{ kind: 'file', name, directory: '/', value, placeOf: () => name }]);

  /** Keys that have no meaning of their own. */
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const { tree } = fc.letrec<{ tree: Fields; node: unknown }>((tie) => ({
    tree: fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: true }),
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(fc.integer(), fc.string(), fc.constant(false), fc.constant(null), fc.array(fc.integer())),
      tie('tree'),
    ),
  }));

  const leaves = (value: unknown, path: ConfigPath = []): ConfigPath[] =>
    isFields(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([name, item]) => leaves(item, [...path, name]))
      : [path];
  const at = (value: unknown, path: ConfigPath): unknown =>
    path.reduce<unknown>((found, step) => (isFields(found) ? found[step] : undefined), value);

  test('every value of the config stays; each of the defaults fills what is free, and says where it is from', () => {
    fc.assert(
      fc.property(tree, tree, (own, below) => {
        const merged = overDefaults(layer('config', own), layer('defaults', below), []);
        for (const path of leaves(own)) {
          if (isFields(at(own, path))) continue;
          assert.deepEqual(at(merged.value, path), at(own, path));
          assert.equal(merged.originOf(path).source.name, 'config');
        }
        for (const path of leaves(merged.value)) {
          const value = at(merged.value, path);
          if (isFields(value)) continue;
          const source = at(own, path) === undefined ? 'defaults' : 'config';
          assert.deepEqual(value, at(source === 'config' ? own : below, path));
          assert.equal(merged.originOf(path).source.name, source);
        }
        // No value is lost, unless the config has another one in its place or around it.
        for (const path of leaves(below)) {
          const taken = path.some((_, index) => {
            const found = at(own, path.slice(0, index + 1));
            return found !== undefined && (index === path.length - 1 || !isFields(found));
          });
          if (!taken && !isFields(at(below, path))) assert.deepEqual(at(merged.value, path), at(below, path));
        }
      }),
    );
  });

  test('they are filled in again without any change', () => {
    fc.assert(
      fc.property(tree, tree, (own, below) => {
        const defaults = layer('defaults', { ...below, outputs: [{ path: 'x' }] });
        const once = overDefaults(layer('config', { ...own, outputs: [{ path: 'y' }] }), defaults, []);
        const twice = overDefaults(once, withoutOutputs(defaults), []);
        assert.deepEqual(twice.value, once.value);
        const names = [0, 1].map((index) => twice.originOf(['outputs', index, 'path']).source.name);
        assert.deepEqual(names, ['config', 'defaults']);
      }),
    );
  });

  test('what is missing is missing in whatever has the map around it', () => {
    const merged = overDefaults(
      layer('config', { auth: { method: 'a' } }),
      layer('defaults', { auth: { method: 'b', role: 'x' }, vault: { address: 'x' } }),
      [],
    );
    assert.deepEqual(merged.value, { auth: { method: 'a' }, vault: { address: 'x' } });
    assert.equal(merged.originOf(['auth', 'role']).source.name, 'config');
    assert.equal(merged.originOf(['vault', 'namespace']).source.name, 'defaults');
  });
});
