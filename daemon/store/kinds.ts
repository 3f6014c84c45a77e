// The kinds of record, a line each: what the operations of shared/kinds.ts do.
export * as drafts from './resources/drafts.ts';
export * as feeds from './resources/feeds.ts';
export * as leases from './resources/leases.ts';
export * as search from './resources/search.ts';
export * as sessions from './resources/sessions.ts';
