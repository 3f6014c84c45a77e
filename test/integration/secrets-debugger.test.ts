import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';

// SIGUSR1 makes Node listen for a debugger, on a TCP port of this machine that asks nobody who he is: any user could then
// read every secret in memory, and run code.

const env = { NODE_OPTIONS: '--inspect-port=0' };
const listening = /Debugger listening on/;

describe('SIGUSR1', () => {
  it('opens no port for a debugger', async () => {
    await using home = new TestHome();
    const daemon = await home.start({ env });
    daemon.child.kill('SIGUSR1');
    expect((await home.client().system.health()).status).toBe('ok');
    // A clean stop takes longer than the port does to open, and ends with all that was said.
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect(daemon.stderr).not.toMatch(listening);
  });

  it('red control: does so in a process of Node that takes no care', async () => {
    const child = spawn(process.execPath, ['-e', "setInterval(() => {}, 1000); console.log('up')"], {
      env: { ...process.env, ...env },
    });
    try {
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      await once(child.stdout, 'data');
      child.kill('SIGUSR1');
      await until('the debugger listens', () => listening.test(stderr));
      expect(stderr).toMatch(listening);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
