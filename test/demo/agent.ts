import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../helpers/issuer-client.ts';
import { endsLogin, loginOnFiles, loginOnHoldfast } from './logins.ts';

// One of the processes that share a login and call an API with it until they are told to stop, or the login ends:
// `agent.ts holdfast <socket> <issuer>` or `agent.ts files <directory> <issuer>`.

/** What an agent tells the demo; `loggedOut` is the last it says. */
export type AgentReport = { ready: true } | { error: string } | { loggedOut: boolean };

const [kind, place = '', issuer = ''] = process.argv.slice(2);
const login = kind === 'holdfast' ? loginOnHoldfast(place, issuer) : loginOnFiles(place, issuer);
const report = (what: AgentReport) => void process.send?.(what);

const started = Promise.withResolvers<void>();
const stop = new AbortController();
process.on('message', (message) => {
  if (message === 'stop') stop.abort();
  started.resolve();
});
// The demo itself is gone.
process.on('disconnect', () => process.exit());

/** Makes a call, with a new token where the first is refused; answers whether the login is over. */
async function isLoggedOut(): Promise<boolean> {
  try {
    const access = await login();
    if ((await callApi(issuer, access.accessToken)) === 401)
      await callApi(issuer, (await access.rejected()).accessToken);
    return false;
  } catch (error) {
    if (endsLogin(error)) return true;
    report({ error: error instanceof Error ? error.message : String(error) });
    return false;
  }
}

report({ ready: true });
await started.promise;
let loggedOut = await isLoggedOut();
while (!loggedOut && !stop.signal.aborted) {
  await sleep(40);
  loggedOut = await isLoggedOut();
}
process.send?.({ loggedOut } satisfies AgentReport, () => process.disconnect?.());
