import { HoldfastError } from '../index.ts';
import { UsageError } from './command.ts';
import { Interrupted } from './prompt.ts';
import { safe } from './text.ts';

/** One line for people, with what to do next unless that is said already; and the exit code. */
export function explain(error: unknown): { message: string; exitCode: number } {
  if (error instanceof Interrupted) return { message: '', exitCode: 130 };
  if (!(error instanceof HoldfastError)) {
    const message = safe(error instanceof Error ? error.message : String(error));
    return { message, exitCode: error instanceof UsageError ? 2 : 1 };
  }
  const exitCode = error.code === 'unavailable' || error.code === 'node_too_old' ? 69 : 1;
  const known = error.code !== 'incompatible' && error.message.includes("'holdfast ");
  const next = known ? '' : nextStep(error);
  return { message: safe(error.message + next), exitCode };
}

function nextStep({ code, details, message }: HoldfastError): string {
  switch (code) {
    case 'ambiguous':
      return ` They are ${(details.candidates ?? []).join(', ')}.`;
    case 'incompatible':
      return " 'holdfast restart' does both.";
    case 'leased':
      return ' End that process first, or wait.';
    case 'not_found':
      return afterMissing(message);
    case 'exists':
      return ' Choose another name, or remove that one first.';
    case 'internal':
    case 'storage_failed':
    case 'damaged':
      return " 'holdfast logs' may say more.";
    default:
      return '';
  }
}

/** What is missing may be the beginning of an id, or a part of a record that is there. */
function afterMissing(message: string): string {
  if (message.startsWith('There is no version')) return " 'history' shows the versions.";
  if (message.includes("' has no '/")) return " 'show' shows the whole.";
  const list = " 'list' shows what there is";
  return /^There is no session '.{1,3}'\.$/u.test(message)
    ? `${list}; of an id, give four characters at least.`
    : `${list}.`;
}
