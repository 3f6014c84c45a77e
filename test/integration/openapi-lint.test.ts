import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openapi } from '../../daemon/http/openapi.ts';
import { root } from '../helpers/daemon.ts';

const run = promisify(execFile);
const redocly = join(root, 'node_modules', '@redocly', 'cli', 'bin', 'cli.js');

describe('redocly', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-openapi-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What it finds in a document, as `rule: message`. */
  async function lint(document: object): Promise<string[]> {
    const file = join(folder, 'openapi.json');
    writeFileSync(file, JSON.stringify(document));
    const options = ['lint', '--config', join(root, 'redocly.yaml'), '--format', 'json', file];
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    // It ends with 1 when it finds errors.
    const { stdout } = await run(process.execPath, [redocly, ...options], { env }).catch(
      (error: unknown) => error as { stdout: string },
    );
    const { problems } = JSON.parse(stdout) as { problems: { ruleId: string; message: string }[] };
    return problems.map(({ ruleId, message }) => `${ruleId}: ${message}`);
  }

  it('finds nothing to say about what /v1/openapi.json answers', async () => {
    expect(await lint(openapi())).toEqual([]);
  });

  it('finds what is wrong: red control', async () => {
    const { info, ...document } = openapi();
    const tags = [{ name: 'undescribed' }];
    expect(await lint({ ...document, tags })).toEqual([
      expect.stringMatching(/^struct: .*info/) as string,
      expect.stringMatching(/^tag-description: /) as string,
    ]);
    expect(info.title).toBe('holdfast');
  });
});
