import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../../../shared/json.ts';
import { editJson } from './json-text.ts';
import { userHome, type Tool } from './tool.ts';

const steps = ['sandbox', 'network', 'allowUnixSockets'] as const;

/** Claude Code: `sandbox.network.allowUnixSockets` of its user settings. */
export const claudeCode: Tool = {
  title: 'Claude Code',
  file: (environment) => {
    const folder = environment['CLAUDE_CONFIG_DIR'] || join(userHome(environment), '.claude');
    return join(folder, 'settings.json');
  },
  byHand: (socket) => JSON.stringify({ sandbox: { network: { allowUnixSockets: [socket] } } }, null, 2),
  note:
    'Start Claude Code again afterwards. On Linux it heeds no such list: there a sandboxed command opens no Unix socket, or, ' +
    'with allowAllUnixSockets, every one. holdfast never sets that.',
  add: (settings, socket) =>
    editJson(settings, (root) => {
      let at = root;
      for (const step of steps.slice(0, -1)) at = objectIn(at, step);
      const list = listIn(at);
      if (!list.includes(socket)) at[steps[2]] = [...list, socket];
    }),
  remove: (settings, socket) =>
    editJson(settings, (root) => {
      const [sandbox, network] = [root['sandbox'], isJsonObject(root['sandbox']) && root['sandbox']['network']];
      if (!isJsonObject(sandbox) || !isJsonObject(network) || !listIn(network).includes(socket)) return;
      network[steps[2]] = listIn(network).filter((each) => each !== socket);
      // What is empty says nothing, and was not there before.
      for (const [holder, name] of [
        [network, steps[2]],
        [sandbox, steps[1]],
        [root, steps[0]],
      ] as const) {
        if (Object.keys(holder[name] as object).length === 0) delete holder[name];
      }
    }),
};

function objectIn(holder: JsonObject, name: string): JsonObject {
  const found = (holder[name] ??= {});
  if (isJsonObject(found)) return found;
  throw new Error(`'${name}' in it is no object`);
}

function listIn(network: JsonObject): Json[] {
  const list = network[steps[2]] ?? [];
  if (Array.isArray(list)) return list;
  throw new Error(`'${steps.join('.')}' in it is no list`);
}
