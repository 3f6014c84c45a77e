import { randomBytes } from 'node:crypto';
import { contract } from '../../shared/contract.ts';
import { HoldfastError, invalidField } from '../../shared/errors.ts';
import type { InputOf, OutputOf } from '../../shared/operation.ts';
import { fingerprintOf, keyBytes } from '../store/keys/cipher.ts';
import { createFile, findRoot, keyOf, storing } from '../store/keys/keyring.ts';
import { newSalt, stretch, unwrap, wrap, type Wrapped } from '../store/keys/passphrase.ts';
import { fromRecoveryCode, toRecoveryCode } from '../store/keys/recovery-code.ts';
import type { RootKeyFile } from '../store/keys/root-key.ts';
import type { describe } from '../store/keys/rotation.ts';
import type { Store, StoreAnswer, StoreCall } from '../store/store.ts';

type Contract = typeof contract.keys;
type Operations = { [Verb in keyof Contract]: (input: InputOf<Contract[Verb]>) => Promise<OutputOf<Contract[Verb]>> };
export type KeyOperations = Record<keyof Contract, (call: StoreCall) => Promise<StoreAnswer>>;

/** What is done with the root key. Ends a rotation that was cut off, first. */
export async function keyOperations(store: Store, file: RootKeyFile): Promise<KeyOperations> {
  const describeStore = () => store.own('read', 'rootKey.describe', {}) as ReturnType<typeof describe>;
  const adopt = (key: Buffer) => store.own('write', 'rootKey.adopt', { root: key.toString('base64url') });
  file.sweep();
  // A start must not fail for a row that is damaged, nor for a directory that cannot be written: the keyring takes either file.
  await describeStore()
    .then(({ needed }) => file.settleNext(needed))
    .catch(() => undefined);

  const status = async () => {
    const { needed, apps } = await describeStore();
    const found = findRoot(file, needed ?? undefined);
    const none = 'fault' in found && found.fault === 'key_missing' && needed === null;
    return {
      state: none ? ('none' as const) : 'fault' in found ? found.fault : ('ok' as const),
      detail: 'fault' in found && !none ? found.detail : '',
      provider: found.fingerprint === undefined ? null : found.wrapped ? ('passphrase' as const) : ('file' as const),
      fingerprint: needed ?? found.fingerprint ?? null,
      path: file.path,
      apps,
    };
  };

  /** Lets `write` store a key, wrapped by a passphrase if there is one; without, it lies open in its file. */
  const protectedBy = async (passphrase: string | undefined, key: Buffer, write: (wrapped?: Wrapped) => void) => {
    if (passphrase === undefined) return write();
    const salted = newSalt();
    const stretched = await stretch(passphrase, salted);
    write(wrap(stretched, salted, key));
    file.unlocked.set(stretched);
  };

  /** Ends a rotation: what the store needs by now stays beside its place if it cannot take it. */
  const settle = (needed: string | null) => {
    try {
      file.settleNext(needed);
    } catch (error) {
      const why = `${file.nextPath} is the root key now and cannot take the place of ${file.path}: ${(error as Error).message}`;
      throw new HoldfastError(
        'key_unreadable',
        `${why}. Keep both files, mend that, and start the daemon again.`,
        {},
        { cause: error },
      );
    }
  };

  const operations: Operations = {
    status,
    init: async ({ passphrase }) => {
      const { state, detail } = await status();
      if (state !== 'none')
        throw new HoldfastError(
          'exists',
          `This store has a root key already. ${detail || "See 'holdfast key status'."}`,
        );
      const key = randomBytes(keyBytes);
      await protectedBy(passphrase, key, (wrapped) => {
        if (!createFile(file, key, wrapped)) throw new HoldfastError('exists', `${file.path} appeared meanwhile.`);
      });
      await adopt(key);
      return status();
    },
    unlock: async ({ passphrase }) => {
      const found = findRoot(file, (await describeStore()).needed ?? undefined);
      if ('fault' in found && found.fault !== 'key_locked') keyOf(found);
      const { wrapped } = found;
      if (!wrapped) throw invalidField('passphrase', 'is not needed: no passphrase protects the root key');
      const stretched = await stretch(passphrase, wrapped);
      if (!unwrap(stretched, wrapped)) throw invalidField('passphrase', 'is not the one of this root key');
      file.unlocked.set(stretched);
      return status();
    },
    backup: async () => {
      const key = keyOf(findRoot(file, (await describeStore()).needed ?? undefined));
      return { code: toRecoveryCode(key), fingerprint: fingerprintOf(key) };
    },
    restore: async ({ code, passphrase }) => {
      const key = fromRecoveryCode(code);
      await adopt(key);
      // What is another key stays beside it, for it may be somebody's only copy.
      const keepOld = file.read().fingerprint !== fingerprintOf(key);
      await protectedBy(passphrase, key, (wrapped) => storing(() => file.replace(key, wrapped, { keepOld })));
      return status();
    },
    rotate: async () => {
      const { needed } = await describeStore();
      const found = findRoot(file, needed ?? undefined);
      keyOf(found);
      settle(needed);
      const next = randomBytes(keyBytes);
      const stretched = found.wrapped && file.unlocked.get();
      const wrapped = stretched && found.wrapped ? wrap(stretched, found.wrapped, next) : undefined;
      storing(() => file.writeNext(next, wrapped));
      await store.own('write', 'rootKey.rewrap', { next: next.toString('base64url') });
      settle(fingerprintOf(next));
      return status();
    },
  };

  // One at a time: each looks at the file and the store, then changes both.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = (verb: string, run: (input: never) => Promise<object>) => async (call: StoreCall) => {
    const { statuses } = contract.keys[verb as keyof Contract] as { statuses?: readonly number[] };
    // Whoever only looks need not wait for passphrases that are being tried.
    const mine = verb === 'status' ? run(call.input as never) : turn.then(() => run(call.input as never));
    if (verb !== 'status') turn = mine.catch(() => undefined);
    return { status: statuses?.[0] ?? 200, text: JSON.stringify(await mine), revision: undefined };
  };
  return Object.fromEntries(
    Object.entries(operations).map(([verb, run]) => [verb, inTurn(verb, run)]),
  ) as KeyOperations;
}
