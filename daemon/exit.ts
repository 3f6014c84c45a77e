/** Why the process ends. 69: cannot run now; 75: somebody else owns the data; 78: a human is needed. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly exitCode: 69 | 75 | 78;

  constructor(exitCode: 69 | 75 | 78, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
