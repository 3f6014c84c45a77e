// A strict reader of property lists, written from Apple's DTD: whatever it does not know, it refuses. libplist accepts
// files that launchd does not.

export type Plist = string | number | boolean | Plist[] | { [key: string]: Plist };

/** What launchd.plist(5) says of the keys that we use; any other is a slip of the pen, which launchd would pass over. */
const known: Record<string, (value: Plist) => boolean> = {
  Label: (value) => typeof value === 'string',
  ProgramArguments: (value) => isStrings(value) && Array.isArray(value) && (value[0] as string).startsWith('/'),
  EnvironmentVariables: (value) => typeof value === 'object' && isStrings(Object.values(value)),
  RunAtLoad: (value) => typeof value === 'boolean',
  KeepAlive: (value) => typeof value === 'boolean' || hasOnly(value, ['SuccessfulExit']),
  ThrottleInterval: Number.isInteger,
  ExitTimeOut: Number.isInteger,
  LimitLoadToSessionType: isStrings,
  Umask: Number.isInteger,
  HardResourceLimits: (value) => hasOnly(value, ['Core']),
};

function isStrings(value: Plist): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
}

function hasOnly(value: Plist, keys: string[]): boolean {
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).every((key) => keys.includes(key));
}

/** Reads a description of a service for launchd; throws with the place of what is wrong. */
export function readAgent(text: string): Record<string, Plist> {
  const agent = readPlist(text);
  if (typeof agent !== 'object' || Array.isArray(agent)) throw new Error('a service is a dict');
  for (const [key, value] of Object.entries(agent)) {
    if (!Object.hasOwn(known, key)) throw new Error(`launchd knows no ${key}`);
    if (!known[key]?.(value)) throw new Error(`${key} has a wrong value: ${JSON.stringify(value)}`);
  }
  for (const key of ['Label', 'ProgramArguments']) if (!(key in agent)) throw new Error(`${key} is missing`);
  return agent;
}

const head =
  /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<!DOCTYPE plist PUBLIC "-\/\/Apple\/\/DTD PLIST 1\.0\/\/EN" "http:\/\/www\.apple\.com\/DTDs\/PropertyList-1\.0\.dtd">/;
const token = /\s*(?:<!--(?:(?!--)[^])*-->\s*)*(?:<(\/?)([a-z]+)( version="1\.0")?(\/?)>|([^<]+))/y;

export function readPlist(text: string): Plist {
  const begin = head.exec(text)?.[0].length;
  if (begin === undefined) throw new Error('the head is not that of a property list');
  token.lastIndex = begin;
  const fail = (what: string): never => {
    throw new Error(`${what} before character ${token.lastIndex}: ${text.slice(0, token.lastIndex).slice(-40)}`);
  };
  /** The next tag, as `<dict>`, `</dict>` or `<true/>`. */
  const tag = (): string => {
    const [, close = '', name = '', version = '', empty = '', data] = token.exec(text) ?? fail('no token');
    if (data !== undefined) fail('text outside of an element');
    if ((version !== '') !== (name === 'plist' && close === '')) fail('a wrong attribute');
    return `<${close}${name}${empty}>`;
  };
  const content = (name: string): string => {
    const end = text.indexOf('<', token.lastIndex);
    const raw = text.slice(token.lastIndex, end);
    token.lastIndex = end;
    if (tag() !== `</${name}>`) fail(`<${name}> is not closed`);
    if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(raw)) fail('a bare ampersand');
    const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
    return raw.replaceAll(/&(\w+);/g, (_, entity: string) => entities[entity] ?? '');
  };
  const value = (opened: string): Plist => {
    if (opened === '<true/>' || opened === '<false/>') return opened === '<true/>';
    if (opened === '<string>') return content('string');
    if (opened === '<integer>') {
      const digits = content('integer');
      return /^-?\d+$/.test(digits) ? Number(digits) : fail('no integer');
    }
    if (opened === '<array>') {
      const items: Plist[] = [];
      for (let next = tag(); next !== '</array>'; next = tag()) items.push(value(next));
      return items;
    }
    if (opened !== '<dict>') fail(`no value: ${opened}`);
    const entries = new Map<string, Plist>();
    for (let next = tag(); next !== '</dict>'; next = tag()) {
      if (next !== '<key>') fail(`${next} where a key belongs`);
      const key = content('key');
      if (entries.has(key)) fail(`${key} twice`);
      entries.set(key, value(tag()));
    }
    return Object.fromEntries(entries);
  };
  if (tag() !== '<plist>') fail('no plist');
  const read = value(tag());
  if (tag() !== '</plist>' || text.slice(token.lastIndex).trim() !== '') fail('more than one value');
  return read;
}
