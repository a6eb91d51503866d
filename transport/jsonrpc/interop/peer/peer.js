'use strict';
// The real peers. "node peer.js serve LIBRARY VERSION PORT" serves the methods below until
// it is killed and says "listening PORT" when it does; "node peer.js call LIBRARY VERSION
// PORT" makes the calls at the end and writes each outcome as a line of JSON.

const net = require('net');
const readline = require('readline');
const jayson = require('jayson');
const { JSONRPCServer, JSONRPCClient, JSONRPCErrorException } = require('json-rpc-2.0');

const [mode, library, version, port] = process.argv.slice(2);

// What the methods do, with the params as they came. A name that throws is an error with
// a number and data, or whatever JavaScript throws.
const methods = {
  echo: (params) => params,
  late: (params) => new Promise((done) => setTimeout(done, Math.random() * 20, params)), // out of order
  never: () => new Promise(() => {}),
  nothing: () => null,
  told: (params) => { told.push(params); return params; },
  tell: () => told,
  refuse: () => { throw { code: 402, message: 'insufficient funds', data: { missing: 7 } }; },
  crash: () => { throw new Error('something broke'); },
};
const told = [];

function serveJayson() {
  const handlers = {};
  for (const name in methods) {
    handlers[name] = (params, callback) => {
      Promise.resolve().then(() => methods[name](params)).then((result) => callback(null, result), (error) => {
        callback(error.code ? error : { code: -32603, message: error.message });
      });
    };
  }
  return jayson.server(handlers, { version: Number(version) }).tcp();
}

function serveJSONRPC2() {
  const server = new JSONRPCServer({ errorListener: () => {} });
  for (const name in methods) {
    server.addMethod(name, async (params) => {
      try {
        return await methods[name](params);
      } catch (error) {
        throw error.code ? new JSONRPCErrorException(error.message, error.code, error.data) : error;
      }
    });
  }
  return net.createServer((socket) => {
    socket.on('error', () => {});
    readline.createInterface({ input: socket }).on('line', async (line) => {
      const answer = await server.receiveJSON(line);
      if (answer) socket.write(JSON.stringify(answer));
    });
  });
}

const calls = [
  ['Echo', [{ nonce: 'a"]}' }]], ['Echo', ['text']], ['Nothing', []], ['Refuse', []], ['Broken', []], ['Nowhere', []], ['Echo', [1, 2, 3]],
  ['Busy', []],
];

function outcome(error, result) {
  if (!error) return { result };
  const { code, message, data } = error;
  return { error: typeof error === 'string' ? error : { code, message, data } };
}

const say = (line) => console.log(JSON.stringify(line));

function callJayson() {
  const client = jayson.client.tcp({ port: Number(port), host: '127.0.0.1', version: Number(version) });
  const one = (method, params, id) => new Promise((done) => {
    client.request(method, params, id, (failed, error, result) => {
      done(failed ? { failed: failed.message } : outcome(error, result));
    });
  });
  const batch = (requests) => new Promise((done) => client.request(requests, (failed, answers) => done(failed ? { failed: failed.message } : answers)));
  return { one, notify: (method, params) => one(method, params, null), batch, request: (...a) => client.request(...a) };
}

async function callAll() {
  if (library === 'jayson') {
    const client = callJayson();
    for (const [method, params] of calls) say(await client.one(method, params));
    say(await client.one('Echo', ['own id'], 'an id of "text"'));
    if (version === '2') {
      say(await client.batch([client.request('Echo', [1]), client.request('Nowhere', []), client.request('Tell', ['in a batch'], null)]));
    }
    await client.notify('Tell', ['a notification']);
    return;
  }
  const socket = net.connect(Number(port), '127.0.0.1');
  const client = new JSONRPCClient((request) => { socket.write(JSON.stringify(request)); });
  readline.createInterface({ input: socket }).on('line', (line) => client.receive(JSON.parse(line)));
  const one = async (method, params) => {
    try {
      return outcome(null, await client.request(method, params));
    } catch (error) {
      return outcome(error);
    }
  };
  for (const [method, params] of calls) say(await one(method, params));
  say(await one('Echo', { named: true }));
  const answers = await client.requestAdvanced([
    { jsonrpc: '2.0', id: 'b1', method: 'Echo', params: [1] }, { jsonrpc: '2.0', id: 'b2', method: 'Nowhere' }]);
  say(answers.map((a) => outcome(a.error, a.result)));
  const many = [];
  for (let i = 0; i < 2000; i++) many.push(client.request('Echo', ['nonce ' + i]));
  let wrong = 0;
  (await Promise.all(many)).forEach((answer, i) => { if (answer !== 'nonce ' + i) wrong++; });
  say({ wrong });
  client.notify('Tell', ['a notification']);
  socket.end();
}

if (mode === 'serve') {
  const server = library === 'jayson' ? serveJayson() : serveJSONRPC2();
  server.listen(Number(port), '127.0.0.1', () => console.log('listening ' + server.address().port));
} else {
  callAll().catch((error) => { console.error(error); process.exit(1); });
}
