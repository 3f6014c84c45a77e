import { paths } from '../../shared/paths.ts';
import { send } from '../helpers/curl.ts';

// Creates the feed named by its argument, and reports the status.
const name = process.argv[2] ?? '';
const body = { url: 'https://example.org/feed.xml', ifAbsent: true };
const { status } = await send(paths().socket, 'PUT', `/v1/apps/processes/feeds/${name}`, body);
process.send?.(status, () => process.disconnect?.());
