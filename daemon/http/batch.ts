import { contract } from '../../shared/contract.ts';
import { HoldfastError, invalidField } from '../../shared/errors.ts';
import { isJsonObject } from '../../shared/json.ts';
import type { InputOf, Operation } from '../../shared/operation.ts';
import { maxBatchCalls } from '../../shared/protocol.ts';
import { secretMapper, type SecretMapper } from '../../shared/secret.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Store, StoreAnswer, StoreCall } from '../store/store.ts';
import { checked } from './input.ts';
import { fromFastify, problemText } from './problem.ts';
import { checkRestricted, owe } from './restricted.ts';

type Given = InputOf<typeof contract.batch.run>;
type GivenCall = Given['calls'][number];

/** The groups whose operations the store answers. */
const { system: _system, keys: _keys, batch: _batch, ...kinds } = contract;

const operations = new Map<string, Operation>(
  Object.entries(kinds).flatMap(([group, verbs]) =>
    Object.entries(verbs as Record<string, Operation>).map(
      ([verb, operation]) => [`${group}.${verb}`, operation] as const,
    ),
  ),
);
const mappers = new Map<string, SecretMapper | undefined>();

function mapperOf(op: string): SecretMapper | undefined {
  const operation = operations.get(op);
  if (operation && !mappers.has(op)) mappers.set(op, secretMapper(operation.input, 'input'));
  return mappers.get(op);
}

/** Finds the secrets of every call in the body of a batch, whether it is a good one or not. */
export const mapBatchSecrets: SecretMapper = (body, found) => {
  const calls = isJsonObject(body) && Array.isArray(body['calls']) ? body['calls'] : [];
  // Of more, the schema looks at none.
  if (calls.length > maxBatchCalls) return body;
  for (const call of calls) {
    if (isJsonObject(call) && typeof call['op'] === 'string') mapperOf(call['op'])?.(call['input'], found);
  }
  return body;
};

const hasSecrets = (op: string, input: unknown): boolean => {
  let found = false;
  mapperOf(op)?.(input, (secret) => ((found = true), secret));
  return found;
};

/** One call of a batch as the store takes it; throws what its own route would, and why it cannot be in a batch. */
function toCall({ op, app, input, key }: GivenCall, caller: StoreCall, atomic: boolean): StoreCall {
  const refuse = (message: string) =>
    new HoldfastError('invalid_input', `${op} ${message}.`, { errors: [{ path: 'op', message }] });
  const operation = operations.get(op);
  if (!operation) throw refuse('is no operation of a kind of record');
  if (caller.restricted) checkRestricted(op, operation);
  const { stream, wait, secret, kind } = operation;
  if (stream || wait || secret || op.startsWith('search.')) {
    throw refuse('cannot be in a batch: it streams, waits, searches, or answers a secret');
  }
  if (!atomic && kind === 'read') throw refuse('is a read: only an atomic batch takes reads');
  if (atomic && key !== undefined) throw refuse('has a key: an atomic batch has one for all its calls');
  const fields = new Map<string, unknown>(Object.entries(input));
  if (app !== undefined && (fields.get('app') ?? app) !== app) throw invalidField('app', 'is another one in the input');
  if (app !== undefined && 'app' in operation.input.shape) fields.set('app', app);
  const read = checked(operation, fields);
  if (caller.restricted) checkRestricted(op, operation, read);
  const { app: ofApp = '' } = read as { app?: string };
  const { requestId, client, pid } = caller;
  const of = { name: op, operation, app: ofApp, input: read, requestId, client, pid };
  return { ...of, key: key ?? null, secretInput: hasSecrets(op, input), ordered: !atomic, signal: undefined };
}

export interface BatchOperations {
  run: (batch: StoreCall) => Promise<StoreAnswer>;
}

export const batchOperations = (store: Store, counters: Counters): BatchOperations => ({
  run: async (batch) => run(store, counters, batch),
});

function run(store: Store, counters: Counters, batch: StoreCall): Promise<StoreAnswer> {
  const { atomic = false, calls, key } = batch.input as Given;
  if (batch.restricted) owe(calls.length - 1);
  if (key !== undefined && batch.key !== null && key !== batch.key) {
    throw invalidField('key', 'differs from the header idempotency-key');
  }
  const whole = { ...batch, key: key ?? batch.key };
  if (atomic) return runAtomic(store, whole, calls);
  if (key !== undefined) throw invalidField('key', 'belongs to an atomic batch: give each call its own');
  return runEach(store, counters, whole, calls);
}

function runAtomic(store: Store, batch: StoreCall, given: GivenCall[]): Promise<StoreAnswer> {
  const calls = given.map((one, index) => {
    try {
      return toCall(one, batch, true);
    } catch (error) {
      throw at(index, error);
    }
  });
  return store.atomic(batch, calls);
}

/** The error of one call as that of its batch. */
function at(index: number, error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  const { code, message, details, cause } = error;
  return new HoldfastError(code, message, { ...details, index }, { cause });
}

/** Characters of the answers that are held for one batch: they wait in memory for each other. */
const maxAnswers = 32 * 1024 * 1024;

/** For a call that was made, and whose answer is more than its batch may hold. */
function leftOut({ key }: GivenCall): HoldfastError {
  const why = 'The call was made, but its answer is left out, because those of the batch are larger than 32 MiB';
  return key === undefined
    ? new HoldfastError('too_large', `${why}: read what it changed.`)
    : new HoldfastError('busy', `${why}: call again with its key, and it is answered.`);
}

/** The key of a call that has none, in a batch that is sent with one. No caller gives such a key: no header holds an arrow. */
const keyOf = (batch: StoreCall, index: number) => (batch.key === null ? undefined : `${batch.key} → ${index}`);

async function runEach(store: Store, counters: Counters, batch: StoreCall, given: GivenCall[]): Promise<StoreAnswer> {
  let held = 0;
  const results = await Promise.all(
    given.map(async (one, index) => {
      try {
        const keyed = { ...one, key: one.key ?? keyOf(batch, index) };
        const { status, text } = await store.call(toCall(keyed, batch, false));
        if (held > 0 && held + text.length > maxAnswers) throw leftOut(one);
        held += text.length;
        return `{"status":${status},"output":${text}}`;
      } catch (error) {
        const known = fromFastify(error, 0);
        // Any other name is the caller's text.
        counters.refused(operations.has(one.op) ? one.op : 'none', known.code);
        return `{"status":${known.status},"problem":${problemText(known, batch.requestId)}}`;
      }
    }),
  );
  return { status: 200, text: `{"results":[${results.join(',')}]}`, revision: undefined };
}
