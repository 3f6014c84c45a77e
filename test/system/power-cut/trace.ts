// Reads what strace recorded of a daemon: every change of its files, and every acknowledgement that left.

export type FileEvent =
  | { kind: 'write'; path: string; offset: number; bytes: Buffer }
  | { kind: 'truncate'; path: string; length: number }
  | { kind: 'sync'; path: string }
  | { kind: 'remove'; path: string }
  | { kind: 'link'; path: string; to: string };
export type Event = FileEvent | { kind: 'acknowledged'; ids: string[] };

const calls =
  'pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,unlink,unlinkat,link,linkat,rename,renameat,renameat2';
/** Every string as hex, descriptors with their paths, nothing cut off. */
export const recording = ['-y', '-xx', '-s', '10000000', '-e', `trace=${calls}`];

const unhex = (text: string) => Buffer.from(text.replaceAll('\\x', ''), 'hex');
const strings = (text: string) => [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => unhex(hex));

/**
 * Events in the order in which they may reach the disk or the client. A file call counts from its return, for only
 * then may the daemon rely on it; an acknowledgement from its entry, for it may have left at once.
 */
export function parse(trace: string, folder: string): Event[] {
  const events: Event[] = [];
  const begun = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    if (resumed === undefined) events.push(...acknowledgements(rest));
    if (rest.endsWith('<unfinished ...>')) begun.set(thread, rest.slice(0, -'<unfinished ...>'.length));
    else {
      const event = fileEvent(resumed === undefined ? rest : (begun.get(thread) ?? '') + resumed, folder);
      if (event) events.push(event);
    }
  }
  return events;
}

/** The ids of the messages that an answer with status 201 acknowledges. */
function acknowledgements(call: string): Event[] {
  if (!/^(write|writev|sendto|sendmsg)\(\d+<[^>]*>/.test(call)) return [];
  const text = Buffer.concat(strings(call)).toString('latin1');
  // Answers may share one call.
  const answers = text.split('HTTP/1.1 ').filter((answer) => answer.startsWith('201 '));
  const ids = answers.flatMap((answer) =>
    [...answer.matchAll(/\{"id":"(m-\d+)","seq":\d+\}/g)].map(([, id = '']) => id),
  );
  return ids.length > 0 ? [{ kind: 'acknowledged', ids }] : [];
}

function fileEvent(call: string, folder: string): FileEvent | undefined {
  const [, name = '', given = '', result = ''] = /^(\w+)\((.*?) *\) += (-?\d+)/.exec(call) ?? [];
  if (name === '' || Number(result) < 0) return undefined;
  const descriptor = /^\d+<([^>]*)>/.exec(given)?.[1] ?? '';
  const [first = '', second = ''] = /^(unlink|link|rename)/.test(name) ? strings(given).map(String) : [];
  const path = first === '' ? unhex(descriptor).toString() : first;
  if ((path !== folder && !path.startsWith(`${folder}/`)) || path.endsWith('-shm')) return undefined;
  switch (name) {
    case 'pwrite64': {
      const offset = Number(/, (\d+)$/.exec(given)?.[1]);
      return { kind: 'write', path, offset, bytes: (strings(given)[0] ?? Buffer.alloc(0)).subarray(0, Number(result)) };
    }
    case 'ftruncate':
      return { kind: 'truncate', path, length: Number(/, (\d+)$/.exec(given)?.[1]) };
    case 'fsync':
    case 'fdatasync':
      return { kind: 'sync', path };
    case 'unlink':
    case 'unlinkat':
      return { kind: 'remove', path };
    case 'link':
    case 'linkat':
      return { kind: 'link', path, to: second };
    default:
      // The model would be wrong in silence if SQLite came to change its files in another way.
      throw new Error(`the replay does not know ${name} on ${path}`);
  }
}
