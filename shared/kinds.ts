// The kinds of record, a line each: schemas and operations. daemon/store/kinds.ts has what they do.
export * as feeds from './resources/feeds.ts';
export * as sessions from './resources/sessions.ts';
