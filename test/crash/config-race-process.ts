import { connect, HoldfastError } from '../../client/index.ts';

// One of several processes that enable, disable and configure plugins of their own in one document; reports what each is in
// the end. Its arguments: the document, the way it writes, its number, how many plugins it has.
//   set      one value, and a merge patch
//   guarded  the whole document by the revision that was read; again when it was refused
//   whole    the whole document as it was read, as an application does with a file

type Plugins = Record<string, { enabled: boolean; priority?: number }>;

const [, , name = '', way = '', worker = '', count = ''] = process.argv;
const client = connect({ app: 'test', deadlineMs: 60_000 });

async function write(change: (plugins: Plugins) => Plugins): Promise<void> {
  for (;;) {
    const { value, revision } = await client.config.get({ name });
    const { plugins, ...others } = value as { plugins: Plugins };
    const next = { name, value: { ...others, plugins: change(plugins) } };
    try {
      await client.config.put(way === 'guarded' ? { ...next, expectedRevision: revision } : next);
      return;
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'stale') throw error;
    }
  }
}

for (let n = 0; n < Number(count); n++) {
  const plugin = `plugin-${worker}-${n}`;
  const last = { enabled: n % 2 === 0, priority: n };
  if (way === 'set') {
    await client.config.set({ name, path: `/plugins/${plugin}/enabled`, value: true });
    await client.config.patch({ name, patch: { plugins: { [plugin]: last } } });
  } else {
    await write((plugins) => ({ ...plugins, [plugin]: { enabled: true } }));
    await write((plugins) => ({ ...plugins, [plugin]: last }));
  }
  process.send?.([plugin, last]);
}
client.close();
process.disconnect?.();
