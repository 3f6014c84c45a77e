/** Text and values that careless storage changes, refuses or trips over; each by what it is. */
export const hostile: readonly [string, unknown][] = [
  ['NUL', 'a\0b'],
  ['control characters', '\u0001\u001f\u007f\u0085\u009f'],
  ['the separators of a checksum', '\x1f\x1e\0\x1f'],
  ['a lone high surrogate', 'x\ud83dy'],
  ['a lone low surrogate', 'x\ude00y'],
  ['a reversed pair', '\ude00\ud83d'],
  ['a high surrogate at the end', '\ud83d'],
  ['emoji with joiners', '👨‍👩‍👧‍👦🏳️‍🌈👩🏽‍❤️‍💋‍👨🏿'],
  ['marks that NFC would merge', 'e\u0301\u212b\ufb01\u1112\u1161\u11ab'],
  ['a byte order mark', '\ufeffx\ufeff'],
  ['line separators', 'a\u2028b\u2029c\r\nd\re\nf'],
  ['noncharacters', '\ufffe\uffff\u{10ffff}\ufffd'],
  ['what looks like an escape', String.raw`\u0000 \ud83d \" \\`],
  ['what looks like SQL or JSON', `'; DROP TABLE log; -- {"id":1,"seq":2}`],
  ['right to left', 'שלום \u202eabc\u202c مرحبا'],
  ['an own __proto__', parse('{"__proto__":{"polluted":true},"a":1}')],
  ['a __proto__ that is no object', parse('{"x":{"__proto__":1}}')],
  ['constructor and prototype', parse('{"constructor":{"prototype":{"x":1}},"toString":"x","hasOwnProperty":1}')],
  ['names that methods have', parse('{"toJSON":"x","valueOf":1,"then":2,"length":-1}')],
  ['an empty key', { '': '', ' ': { '': [] } }],
  ['keys like integers', parse('{"b":1,"10":2,"2":3,"-1":4,"01":5,"4294967295":6}')],
  ['keys with NUL, surrogates and marks', parse(String.raw`{"\u0000":1,"\ud800":2,"é":3,"é":4,"\u2028":5}`)],
  ['keys that differ in case', { key: 1, Key: 2, KEY: 3 }],
  ['empty containers', { a: {}, b: [], c: [[], {}], d: [[[]]] }],
  ['null, true, false', [null, true, false, { n: null }]],
  ['large numbers', [1e308, -1e308, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, 1e21]],
  ['small numbers', [5e-324, -5e-324, 1e-7, 0.1, 0.1 + 0.2, 2 ** -1074, 0]],
  ['a mixed array', [1, 'x', null, [{}], { a: [0.5] }]],
  ['what looks like ours', { damaged: { reason: 'no' }, nextCursor: 'x', items: [], revision: 'y' }],
];

/** Object literals set prototypes and sort out nothing; JSON makes plain own properties. */
function parse(text: string): unknown {
  return JSON.parse(text);
}
