/** The one table of request headers that stand for input fields. */
export const fieldHeaders = {
  'if-match': { field: 'expectedRevision', read: unquote },
  'if-none-match': { field: 'ifAbsent', read: (text: string) => (text.trim() === '*' ? 'true' : undefined) },
  'last-event-id': { field: 'after', read: (text: string) => text },
} as const;

/** The key of a write that may be sent again (draft-ietf-httpapi-idempotency-key-header). */
export const keyHeader = 'idempotency-key';
/** What the client says of itself: `name/version; pid=N`. */
export const clientHeader = 'holdfast-client';
export const requestIdHeader = 'x-request-id';
export const versionHeader = 'holdfast-version';
export const protocolHeader = 'holdfast-protocol';

/** The text inside one pair of double quotes, or the text as it is: an entity tag or a structured-field string. */
export function unquote(text: string): string {
  const trimmed = text.trim();
  return trimmed.length >= 2 && trimmed.startsWith('"') && trimmed.endsWith('"') ? trimmed.slice(1, -1) : trimmed;
}
