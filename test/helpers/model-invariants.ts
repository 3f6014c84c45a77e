/** A message as it is answered, and whatever else it holds. */
export interface Placed {
  id: string;
  seq: number;
}

/** What a process was told that concerns one session. */
export type Report =
  | { appended: string[] }
  /** A replace: what generation it led to, the ids that it dropped on purpose, and those it would save again if dropped. */
  | { replaced: { generation: number; dropped: string[]; saved: string[] } }
  /** A fork that was kept, and the messages that it must have. */
  | { fork: string; messages: Placed[] }
  | { error: string };

export interface Stored {
  messages: Placed[];
  generation: number;
  inputTokens: number;
  forks: Map<string, Placed[]>;
}

/** What is wrong with a session that many processes used at once, by name; empty when every promise was kept. */
export function broken(reports: Report[], { messages, generation, inputTokens, forks }: Stored): string[] {
  const ids = messages.map(({ id }) => id);
  const present = new Set(ids);
  const appended = reports.flatMap((report) => ('appended' in report ? report.appended : []));
  const replaces = reports.flatMap((report) => ('replaced' in report ? [report.replaced] : []));
  const dropped = new Set(replaces.flatMap((replace) => replace.dropped));
  const saved = new Set(replaces.flatMap((replace) => replace.saved));
  const newest = Math.max(0, ...replaces.map((replace) => replace.generation));
  const kept = appended.filter((id) => !dropped.has(id));
  const gap = messages.findIndex(({ seq }, index) => seq !== index + 1);
  return [
    ...reports.flatMap((report) => ('error' in report ? [`error: ${report.error}`] : [])),
    ...kept.filter((id) => !present.has(id)).map((id) => `${id} is lost`),
    ...ids.filter((id) => dropped.has(id) && !saved.has(id)).map((id) => `${id} was dropped and is there`),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} is there twice`),
    ...disordered(ids),
    ...(gap === -1 ? [] : [`message ${gap + 1} has seq ${messages[gap]?.seq}`]),
    ...(generation === newest ? [] : [`generation ${generation} after ${newest}`]),
    ...(inputTokens === appended.length ? [] : [`${inputTokens} tokens for ${appended.length} messages`]),
    ...reports.flatMap((report) => ('fork' in report ? forkFlaws(report, forks.get(report.fork)) : [])),
  ];
}

/** A writer's messages are `writer-n`, and stay in the order in which it sent them. */
function disordered(ids: string[]): string[] {
  const newest = new Map<string, number>();
  return ids.flatMap((id) => {
    const [writer = '', n] = id.split('-');
    const late = Number(n) < (newest.get(writer) ?? 0);
    newest.set(writer, Math.max(Number(n), newest.get(writer) ?? 0));
    return late ? [`${id} is out of order`] : [];
  });
}

function forkFlaws({ fork, messages }: { fork: string; messages: Placed[] }, stored: Placed[] | undefined) {
  const same = JSON.stringify(stored) === JSON.stringify(messages);
  return same ? [] : [`fork ${fork} has ${stored?.length ?? 'no'} messages that are not its ${messages.length}`];
}
