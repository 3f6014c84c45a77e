/** Whether SQL text keeps this exactly: it ends at NUL and has no place for lone surrogates. */
export const isPlainText = (text: string, max: number): boolean =>
  text.length <= max && text.isWellFormed() && !text.includes('\0');
