import type { Paths } from '../shared/paths.ts';
import type { Config } from './config.ts';
import { prepareDirectories } from './directories.ts';
import { ExitError } from './exit.ts';
import { batchOperations } from './http/batch.ts';
import { changeOperations } from './http/changes.ts';
import { createServer, type Server } from './http/server.ts';
import { keyOperations, type KeyOperations } from './http/keys.ts';
import { systemOperations } from './http/system.ts';
import { watchHealth } from './health.ts';
import { checkClean, lastStop, noteStop, type LastStop } from './last-stop.ts';
import type { Logger } from './logger.ts';
import { createCounters, type Counters } from './metrics/counters.ts';
import { createMetrics } from './metrics/gauges.ts';
import { own, type Ownership } from './ownership.ts';
import { checkItself, type SelfCheck } from './self-check.ts';
import { removeNotes, removeSockets, removeStale } from './socket.ts';
import { RootKeyFile } from './store/keys/root-key.ts';
import { Unlocked } from './store/keys/passphrase.ts';
import { openStore } from './store/sqlite/store.ts';
import type { Store } from './store/store.ts';

/** How long a stop waits for requests that do not end, in milliseconds. */
const drainMs = 5_000;
/** How long a stop may take at all, in milliseconds: a disk may hang for ever. Service managers wait a little longer. */
const endMs = 25_000;

export interface Daemon {
  /** Stops in order; safe to call twice. */
  stop(): Promise<void>;
  /** Resolves when it has stopped: with undefined, or with the reason it could not go on. */
  readonly stopped: Promise<ExitError | undefined>;
}

/** Starts in order: own, then touch. Nothing of a previous owner is removed before both locks are ours. */
export async function startDaemon(config: Config, logger: Logger): Promise<Daemon> {
  const { paths } = config;
  // Files and the socket are made private, not made so afterwards.
  process.umask(0o077);
  prepareDirectories(paths);
  const ownership = own(paths);
  let store: Store | undefined;
  try {
    const counters = createCounters();
    const before = lastStop(paths);
    removeStale(paths);
    const rootKey = new RootKeyFile({ path: paths.rootKey, memory: new Unlocked().memory });
    store = await openStore(paths.database, rootKey, counters);
    if (!ownership.stillOurs()) throw new ExitError(75, `Another holdfast is taking ${paths.data} over.`);
    const keys = await keyOperations(store, rootKey);
    return await serve(config, logger, ownership, store, { keys, counters, before });
  } catch (error) {
    // What it may say is less than why it cannot start.
    await store?.close().catch(() => undefined);
    ownership.release();
    throw error;
  }
}

async function serve(
  { paths }: Config,
  logger: Logger,
  ownership: Ownership,
  store: Store,
  { keys, counters, before }: { keys: KeyOperations; counters: Counters; before: LastStop },
): Promise<Daemon> {
  if (before.unclean !== undefined) {
    counters.recovered('unclean_start');
    logger.warn(`unclean: the daemon before this one did not stop in order: ${before.unclean}`);
  }
  const stopped = Promise.withResolvers<ExitError | undefined>();
  let stopping: Promise<void> | undefined;
  const stop = (reason?: ExitError) => {
    check?.end();
    stopping ??= shutDown(paths, server, store, logger, reason).then(() => {
      ownership.release();
      stopped.resolve(reason);
    }, stopped.reject);
    return stopping;
  };
  let check: SelfCheck | undefined;
  const asked = {
    isStopping: () => stopping !== undefined,
    reasons: () => [...counters.reasons(), ...(check?.reasons() ?? [])],
  };
  const health = watchHealth(store, asked, logger);
  const changes = changeOperations(store);
  const metrics = createMetrics({ counters, store, health, readers: changes.readers, lastCleanStop: before.at });
  const system = systemOperations(store, { stop: () => void stop(), health, metrics });
  const operations = { system, keys, batch: batchOperations(store, counters), changes };
  const server: Server = createServer(store, operations, counters, logger);
  await server.listen(paths).catch(async (error: unknown) => {
    // One of the sockets may be there, of a daemon that will not be.
    await server.close(Promise.resolve());
    removeSockets(paths);
    throw error;
  });
  void store.failed.then((reason) => stop(reason));
  check = checkItself({ paths, server, ownership, logger, counters, health, stop: (reason) => void stop(reason) });
  logger.info({ socket: paths.socket, data: paths.data, engine: store.engine }, 'ready');
  return { stop: () => stop(), stopped: stopped.promise };
}

async function shutDown(paths: Paths, server: Server, store: Store, logger: Logger, reason?: ExitError): Promise<void> {
  logger.info('stopping');
  const late = setTimeout(() => {
    logger.fatal('the stop does not end: ended by force. Nothing that was acknowledged is lost');
    // A thread that hangs would keep process.exit() waiting too.
    process.kill(process.pid, 'SIGKILL');
  }, endMs).unref();
  const timeUp = new Promise<'late'>((resolve) => setTimeout(resolve, drainMs, 'late').unref());
  if ((await Promise.race([server.drain(), timeUp])) === 'late') logger.warn('requests did not end in time');
  let failure: unknown = reason;
  const attempt = async (work: () => unknown) => {
    try {
      await work();
    } catch (error) {
      failure ??= error;
    }
  };
  await attempt(() => store.close());
  await attempt(() => checkClean(paths));
  // Who connects from now on finds no socket and waits for the next daemon; who has just connected is still told so.
  // Unless our data is gone: then these may be the files of who began anew in its place.
  if (reason?.exitCode !== 78) await attempt(() => removeSockets(paths));
  if (failure === undefined) removeNotes(paths);
  await Promise.race([server.quiet(), timeUp]);
  await server.close(timeUp);
  clearTimeout(late);
  if (failure === undefined) noteStop(paths);
  else if (reason === undefined) throw failure;
  logger.info('stopped');
}
