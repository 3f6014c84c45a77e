import { paths } from '../../shared/paths.ts';
import { send } from '../helpers/curl.ts';

// Creates the feeds named by its arguments, in turn, and reports the statuses.
const [, , ...names] = process.argv;
const body = { url: 'https://example.org/feed.xml', ifAbsent: true };
const statuses: number[] = [];
for (const name of names) {
  statuses.push((await send(paths().socket, 'PUT', `/v1/apps/processes/feeds/${name}`, body)).status);
}
process.send?.(statuses, () => process.disconnect?.());
