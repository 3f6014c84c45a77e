// The kinds of record, a line each: what the operations of shared/kinds.ts do.
export * as auth from './resources/auth.ts';
export * as budgets from './resources/budgets.ts';
export * as config from './resources/config.ts';
export * as costs from './resources/costs.ts';
export * as drafts from './resources/drafts.ts';
export * as feeds from './resources/feeds.ts';
export * as files from './resources/files.ts';
export * as leases from './resources/leases.ts';
export * as limits from './resources/limits.ts';
export * as pending from './resources/pending.ts';
export * as queues from './resources/queues.ts';
export * as search from './resources/search.ts';
export * as sessions from './resources/sessions.ts';
