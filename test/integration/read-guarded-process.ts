import { renameSync } from 'node:fs';
import { join } from 'node:path';

// Somebody who swaps the directory 'dir' under a root for a link, and back, in a loop, until it is killed.

const [, , root = ''] = process.argv;
const at = (name: string) => join(root, name);
process.send?.('ready');
for (;;) {
  renameSync(at('dir'), at('kept'));
  renameSync(at('link'), at('dir'));
  renameSync(at('dir'), at('link'));
  renameSync(at('kept'), at('dir'));
}
