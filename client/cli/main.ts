import { parseArgs } from 'node:util';
import { ensureDaemon } from '../autostart.ts';
import { connect, HoldfastError } from '../index.ts';
import { paths } from '../../shared/paths.ts';
import { version } from '../../shared/protocol.ts';
import { key } from './key.ts';

const usage = `holdfast ${version}

  holdfast start      starts the daemon in the background, if it does not run yet
  holdfast health     what the daemon says of itself, as JSON
  holdfast socket     the path of the socket, for curl --unix-socket
  holdfast stop       stops the daemon; what was accepted is finished first
  holdfast version    versions of this command and of the daemon

  holdfast key status [--json]          whether the key that seals all secrets is there; exit code 1 if it is not
  holdfast key init [--passphrase]      makes it before the first secret does
  holdfast key unlock                   opens it with its passphrase, until the daemon ends
  holdfast key backup                   prints its recovery code, to write down
  holdfast key restore [--passphrase]   puts it back from its recovery code
  holdfast key rotate                   makes a new one and wraps everything with it

Codes and passphrases are asked for, or read from stdin: a line each, the code first. Never give them as arguments.
The daemon itself is holdfastd. HOLDFAST_HOME moves its socket and data.
Exit codes: 0 done, 1 refused, 2 wrong usage, 69 the daemon cannot be reached, 130 interrupted.
`;

/** How long a start may take, in milliseconds: a large database is looked at first. */
const startMs = 120_000;

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

async function main(command: string | undefined, argv: string[]): Promise<number> {
  await using client = connect({
    app: 'holdfast',
    client: `holdfast-cli/${version}`,
    deadlineMs: 2_000,
    autostart: false,
  });
  if (command !== 'key') parseArgs({ args: argv, allowPositionals: true });
  switch (command) {
    case 'socket':
      process.stdout.write(`${paths().socket}\n`);
      return 0;
    case 'start':
      await ensureDaemon(AbortSignal.timeout(startMs));
      process.stdout.write(`holdfast (pid ${(await client.system.health()).pid}) is running.\n`);
      return 0;
    case 'health':
      print(await client.system.health());
      return 0;
    case 'version':
      print({ command: version, daemon: await client.system.version() });
      return 0;
    case 'stop': {
      const { pid } = await client.system.shutdown();
      process.stdout.write(`holdfast (pid ${pid}) is stopping.\n`);
      return 0;
    }
    case 'key':
      return await key(client, argv);
    default:
      (command === 'help' ? process.stdout : process.stderr).write(usage);
      return command === 'help' ? 0 : 2;
  }
}

try {
  const [command, ...argv] = process.argv.slice(2);
  process.exitCode = await main(command, argv);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`holdfast: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
  process.exitCode = error instanceof HoldfastError ? (error.code === 'unavailable' ? 69 : 1) : 2;
}
