// The kinds of record, a line each: what the operations of shared/kinds.ts do.
export * as feeds from './resources/feeds.ts';
export * as sessions from './resources/sessions.ts';
