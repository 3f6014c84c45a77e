import { createReadStream } from 'node:fs';

/** Bytes that a list of feeds may have: those of some forty thousand feeds. */
export const maxBytes = 8 * 1024 * 1024;

/** The bytes of a file, or of stdin for `-`; no more than the bound is read, whatever it is and has no end. */
export async function readBytes(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of path === '-' ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > maxBytes) break;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`, { cause: error });
  }
  if (size > maxBytes) throw new Error(`it has more than ${maxBytes / 1024 / 1024} MiB: split it`);
  return Buffer.concat(chunks);
}

/** What of a file says how it is encoded: it can be read in every encoding but UTF-16, which says it otherwise. */
const declaration = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"']{1,40})["']/;

/** XML as text: by its byte order mark, else as it declares, else UTF-8. Never leniently: a name would become another one. */
export function decode(bytes: Buffer): string {
  const encoding = encodingOf(bytes);
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch {
    throw new Error('line 1: the encoding that it declares is not known: convert it to UTF-8');
  }
  try {
    return decoder.decode(bytes);
  } catch {
    const where = encoding.startsWith('utf-16') ? '' : `line ${firstLineOf(bytes, encoding)}: `;
    throw new Error(
      `${where}this is no ${encoding.toUpperCase()}: convert it to UTF-8, or declare the encoding that it has`,
    );
  }
}

function encodingOf(bytes: Buffer): string {
  const start = bytes.toString('latin1', 0, 200);
  if (start.startsWith('\xff\xfe') || start.startsWith('<\0')) return 'utf-16le';
  if (start.startsWith('\xfe\xff') || start.startsWith('\0<')) return 'utf-16be';
  const declared = declaration.exec(start.replace('\xef\xbb\xbf', ''))?.[1]?.toLowerCase() ?? 'utf-8';
  // Some programs declare the UTF-16 that the text had in memory.
  return start.startsWith('\xef\xbb\xbf') || declared.startsWith('utf-16') ? 'utf-8' : declared;
}

/** The first line that is not in its encoding; a line end is one byte in each of them. */
function firstLineOf(bytes: Buffer, encoding: string): number {
  for (let [line, at] = [1, 0]; ; line++) {
    const end = bytes.indexOf('\n', at);
    try {
      new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(at, end === -1 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end === -1) return line;
    at = end + 1;
  }
}
