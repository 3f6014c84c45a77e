import { createServer } from 'node:http';

// Somebody else's server on a socket where a client looks for its daemon: prints what it is sent.
const server = createServer((request, response) => {
  process.stdout.write(`${request.method} ${request.url}\n`);
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok","pid":1}');
});
server.listen(process.argv[2], () => process.stdout.write('listening\n'));
