import { parseArgs } from 'node:util';
import { connect, HoldfastError } from '../index.ts';
import { paths } from '../../shared/paths.ts';
import { version } from '../../shared/protocol.ts';

const usage = `holdfast ${version}

  holdfast health     what the daemon says of itself, as JSON
  holdfast socket     the path of the socket, for curl --unix-socket
  holdfast stop       stops the daemon; what was accepted is finished first
  holdfast version    versions of this command and of the daemon

The daemon itself is holdfastd. HOLDFAST_HOME moves its socket and data.
Exit codes: 0 done, 1 refused, 2 wrong usage, 69 the daemon cannot be reached.
`;

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

async function main(command: string | undefined): Promise<number> {
  await using client = connect({ app: 'holdfast', client: `holdfast-cli/${version}`, deadlineMs: 2_000 });
  switch (command) {
    case 'socket':
      process.stdout.write(`${paths().socket}\n`);
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
    default:
      (command === 'help' ? process.stdout : process.stderr).write(usage);
      return command === 'help' ? 0 : 2;
  }
}

try {
  const { positionals } = parseArgs({ allowPositionals: true });
  process.exitCode = await main(positionals[0]);
} catch (error) {
  process.stderr.write(`holdfast: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof HoldfastError ? (error.code === 'unavailable' ? 69 : 1) : 2;
}
