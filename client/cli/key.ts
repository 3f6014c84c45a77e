import { parseArgs } from 'node:util';
import type { KeyStatus } from '../../shared/resources/keys.ts';
import type { Client } from '../index.ts';
import { UsageError } from './command.ts';
import { askSecrets, type Question } from './prompt.ts';
import { tellError, wrap } from './screen.ts';
import { serving } from './serving.ts';

/** One command: runs a call, tells what came of it, and answers the exit code. `flag` is its only option. */
interface Command {
  flag?: 'json' | 'passphrase';
  secret?: true;
  run: (client: Client, flag: boolean) => Promise<number>;
}

/** A passphrase is made costly to guess on purpose, so these calls may take longer than others. */
const slow = { deadlineMs: 30_000 };
const code: Question = { field: 'code', prompt: 'Recovery code (not shown): ' };
const passphrase: Question = { field: 'passphrase', prompt: 'Passphrase of the root key (not shown): ' };
const newPassphrase: Question = {
  field: 'passphrase',
  prompt: 'New passphrase for the root key, at least 8 characters (not shown): ',
  again: 'The same again: ',
};

const tell = (text: string) => process.stderr.write(`${text}\n`);

const commands: Record<string, Command> = {
  status: {
    flag: 'json',
    run: async (client, json) => {
      const status = await client.keys.status();
      process.stdout.write(json ? `${JSON.stringify(status, null, 2)}\n` : table(status));
      return status.state === 'ok' || status.state === 'none' ? 0 : 1;
    },
  },
  init: {
    flag: 'passphrase',
    secret: true,
    run: async (client, wanted) => {
      const [chosen] = wanted ? await askSecrets([newPassphrase]) : [];
      const status = await client.keys.init({ ...(chosen !== undefined && { passphrase: chosen }) }, slow);
      return outcome(
        status,
        `The root key ${status.fingerprint} is made: ${protectedBy(status)}.\n` +
          "Run 'holdfast key backup' next: if that file is ever lost, only the recovery code opens what is stored.",
      );
    },
  },
  unlock: {
    secret: true,
    run: async (client) => {
      const [given = ''] = await askSecrets([passphrase]);
      const status = await client.keys.unlock({ passphrase: given }, slow);
      return outcome(status, `The root key ${status.fingerprint} is unlocked until the daemon ends.`);
    },
  },
  backup: {
    run: async (client) => {
      const { code: written, fingerprint } = await client.keys.backup({}, slow);
      process.stdout.write(`${written}\n`);
      tell(
        `This is the recovery code of the root key ${fingerprint}. Write it down, and keep it off this machine and its backups.\n` +
          'With it, everybody can open every secret of this store and of its copies. Without it, nobody can once the key\n' +
          "file is lost. 'holdfast key restore' takes it.",
      );
      return 0;
    },
  },
  restore: {
    flag: 'passphrase',
    secret: true,
    run: async (client, wanted) => {
      const [given = '', chosen] = await askSecrets(wanted ? [code, newPassphrase] : [code]);
      const input = { code: given.trim(), ...(chosen !== undefined && { passphrase: chosen }) };
      const status = await client.keys.restore(input, slow);
      return outcome(status, `The root key ${status.fingerprint} is back: ${protectedBy(status)}.`);
    },
  },
  rotate: {
    run: async (client) => {
      const status = await client.keys.rotate({}, slow);
      return outcome(
        status,
        `The root key is now ${status.fingerprint}: ${protectedBy(status)}.\n` +
          'Recovery codes written down until now open only copies of the store that were made until now.\n' +
          "Run 'holdfast key backup' next, for the code of the new key.",
      );
    },
  },
};

export const keyLines: [usage: string, summary: string][] = [
  ['holdfast key status [--json]', 'whether the key that seals all secrets is there; exit code 1 if it is not'],
  ['holdfast key init [--passphrase]', 'makes it before the first secret does'],
  ['holdfast key unlock', 'opens it with its passphrase, until the daemon ends'],
  ['holdfast key backup', 'prints its recovery code, to write down'],
  ['holdfast key restore [--passphrase]', 'puts it back from its recovery code'],
  ['holdfast key rotate', 'makes a new one and wraps everything with it'],
];

/** `holdfast key ...`: answers the exit code. Throws what the daemon refused, or a plain error for wrong usage. */
export async function key(client: Client, argv: string[]): Promise<number> {
  const options = { json: { type: 'boolean' }, passphrase: { type: 'boolean' } } as const;
  // Not strict: its errors would repeat an argument, which may be a secret.
  const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true, strict: false });
  const [name = '', ...others] = positionals;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new UsageError(`'holdfast key' needs one of: ${Object.keys(commands).join(', ')}.`);
  const given = Object.entries(values);
  if (others.length > 0 || given.some(([, value]) => value !== true)) {
    const why =
      'takes no secret from the command line, which other users can see and the shell keeps: it asks, or reads stdin';
    throw new UsageError(`'holdfast key ${name}' ${command.secret ? why : 'takes no argument'}.`);
  }
  if (given.some(([option]) => option !== command.flag)) {
    throw new UsageError(
      `'holdfast key ${name}' takes ${command.flag ? `no option but --${command.flag}` : 'no option'}.`,
    );
  }
  // Looked at before: nobody should type a secret for nothing.
  await serving();
  return await command.run(client, given.length > 0);
}

/** Whether the key is in order now; else what is still wrong, in place of the good news. */
function outcome({ state, detail }: KeyStatus, text: string): number {
  const good = state === 'ok';
  if (good) tell(text);
  else tellError(detail || state);
  return good ? 0 : 1;
}

const protectedBy = ({ path, provider }: KeyStatus) =>
  provider === 'passphrase' ? `${path}, of no use without its passphrase` : `${path}, which needs no passphrase`;

function table({ state, detail, provider, fingerprint, path, apps }: KeyStatus): string {
  const rows: [label: string, value: string | null][] = [
    ['state', state],
    ['detail', wrap(detail, ' '.repeat(13)).join('\n').trim()],
    ['provider', provider],
    ['fingerprint', fingerprint],
    ['path', path],
    ...apps.map(({ app, keyId, createdAt }): [string, string] => ['app', `${app}, key ${keyId} of ${createdAt}`]),
  ];
  return rows.map(([label, value]) => (value ? `${label.padEnd(13)}${value}\n` : '')).join('');
}
