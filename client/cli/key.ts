import type { KeyStatus } from '../../shared/resources/keys.ts';
import { json, type Command, type Group, type Option } from './command.ts';
import { askSecrets, type Question } from './prompt.ts';
import { print, printJson, record, tell, tellError } from './screen.ts';
import { safe } from './text.ts';

/** A passphrase is made costly to guess on purpose, so these calls may take longer than others. */
const slow = { deadlineMs: 30_000 };
const code: Question = { field: 'code', prompt: 'Recovery code (not shown): ' };
const passphrase: Question = { field: 'passphrase', prompt: 'Passphrase of the root key (not shown): ' };
const newPassphrase: Question = {
  field: 'passphrase',
  prompt: 'New passphrase for the root key, at least 8 characters (not shown): ',
  again: 'The same again: ',
};
const withPassphrase: Option = { type: 'boolean', summary: 'of no use without a passphrase, which is asked for' };

const status: Command = {
  summary: 'whether the key that seals all secrets is there; exit code 1 if one was made and is not usable',
  options: { json },
  run: async (call) => {
    const found = await call.client.keys.status();
    await (call.json ? printJson(found) : print(screen(found)));
    return found.state === 'ok' || found.state === 'none' ? 0 : 1;
  },
};

const init: Command = {
  summary: 'makes it before the first secret does',
  options: { passphrase: withPassphrase },
  secret: true,
  run: async (call) => {
    const [chosen] = call.flag('passphrase') ? await askSecrets([newPassphrase]) : [];
    const made = await call.client.keys.init({ ...(chosen !== undefined && { passphrase: chosen }) }, slow);
    return outcome(
      made,
      `The root key ${made.fingerprint} is made: ${protectedBy(made)}.\n` +
        "Run 'holdfast key backup' next: if that file is ever lost, only the recovery code opens what is stored.",
    );
  },
};

const unlock: Command = {
  summary: 'opens it with its passphrase, until the daemon ends',
  secret: true,
  run: async (call) => {
    const [given = ''] = await askSecrets([passphrase]);
    const opened = await call.client.keys.unlock({ passphrase: given }, slow);
    return outcome(opened, `The root key ${opened.fingerprint} is unlocked until the daemon ends.`);
  },
};

const backup: Command = {
  summary: 'prints its recovery code, to write down',
  run: async (call) => {
    const { code: written, fingerprint } = await call.client.keys.backup({}, slow);
    await print(`${written}\n`);
    tell(
      `This is the recovery code of the root key ${fingerprint}. Write it down, and keep it off this machine and its backups.\n` +
        'With it, everybody can open every secret of this store and of its copies. Without it, nobody can once the key\n' +
        "file is lost. 'holdfast key restore' takes it.",
    );
    return 0;
  },
};

const restore: Command = {
  summary: 'puts it back from its recovery code',
  options: { passphrase: withPassphrase },
  secret: true,
  run: async (call) => {
    const [given = '', chosen] = await askSecrets(call.flag('passphrase') ? [code, newPassphrase] : [code]);
    const input = { code: given.trim(), ...(chosen !== undefined && { passphrase: chosen }) };
    const back = await call.client.keys.restore(input, slow);
    return outcome(back, `The root key ${back.fingerprint} is back: ${protectedBy(back)}.`);
  },
};

const rotate: Command = {
  summary: 'makes a new one and wraps everything with it',
  run: async (call) => {
    const made = await call.client.keys.rotate({}, slow);
    return outcome(
      made,
      `The root key is now ${made.fingerprint}: ${protectedBy(made)}.\n` +
        'Recovery codes written down until now open only copies of the store that were made until now.\n' +
        "Run 'holdfast key backup' next, for the code of the new key.",
    );
  },
};

/** Whether the key is in order now; else what is still wrong, in place of the good news. */
function outcome({ state, detail }: KeyStatus, text: string): number {
  const good = state === 'ok';
  if (good) tell(text);
  else tellError(detail || state);
  return good ? 0 : 1;
}

const protectedBy = ({ path, provider }: KeyStatus) =>
  `${safe(path)}, ${provider === 'passphrase' ? 'of no use without its passphrase' : 'which needs no passphrase'}`;

const screen = ({ state, detail, provider, fingerprint, path, apps }: KeyStatus): string =>
  record([
    ['state', state],
    ['detail', detail],
    ['provider', provider],
    ['fingerprint', fingerprint],
    ['path', path],
    ...apps.map(({ app, keyId, createdAt }): [string, string] => ['app', `${app}, key ${keyId} of ${createdAt}`]),
  ]);

// Whether there is a daemon is looked at before: nobody should type a secret for nothing.
export const key: Group = {
  summary: 'the key that seals all secrets',
  asks: true,
  commands: { status, init, unlock, backup, restore, rotate },
};
