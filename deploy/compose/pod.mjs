/** The pod of a node: a web server that answers with the node's name. */
import { createServer } from 'node:http';
import { hostname } from 'node:os';

createServer((_request, response) => response.end(`${hostname()}\n`)).listen(80, '::');
