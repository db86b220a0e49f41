// What every test needs: clients of the router, and a look at what the engines saw.
import { File } from 'node:buffer';
import http from 'node:http';
import OpenAI from 'openai';

// The SDK's uploads want it; Node.js 18 does not have it as a global.
globalThis.File ??= File;

export const STACK = JSON.parse(process.env.E2E_STACK);
export const MESSAGES = [{ role: 'user', content: 'Say something.' }];
// What the router says when an engine dies in the middle of a stream.
export const DIED = {
  message: 'The model server closed the stream before its end.',
  code: 'backend_disconnected',
};

// No retries unless a test asks for them: they would hide what the router does wrong.
export function client(changes = {}) {
  return new OpenAI({
    baseURL: STACK.router + '/v1',
    apiKey: 'anything',
    maxRetries: 0,
    timeout: 20_000,
    logLevel: 'off',
    ...changes,
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Every call has a connection of its own, so that none is kept open at the engines.
function call(url, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent: false, method: body ? 'POST' : 'GET' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => (text += piece));
      answer.on('end', () => resolve(JSON.parse(text)));
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}

export const stats = (engine) => call(engine + '/fake/stats');
export const control = (engine, settings) => call(engine + '/fake/control', settings);
export const engineStats = () => Promise.all(STACK.engines.map(stats));

// The sum of one counter over the two engines of the main model.
export async function total(counter) {
  return (await engineStats()).reduce((sum, engine) => sum + engine[counter], 0);
}

// The requests with this X-Request-Id as the engines have them, headers by lower-case name.
export async function recorded(requestId, engines = STACK.engines) {
  const found = [];
  for (const engine of engines) {
    for (const request of (await call(engine + '/fake/requests')).requests) {
      const lines = request.head.split('\r\n').slice(1).filter(Boolean);
      request.headers = Object.fromEntries(
        lines.map((line) => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }),
      );
      if (request.headers['x-request-id'] === requestId) found.push(request);
    }
  }
  return found;
}

// True as soon as condition() is, false when it never was.
export async function waitUntil(condition, ms = 1000) {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await sleep(2);
  }
  return true;
}

// What the promise is rejected with.
export async function rejection(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error('not rejected, but: ' + JSON.stringify(value));
}

export async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

export async function chatText(sdk) {
  const answer = await sdk.chat.completions.create({ model: STACK.model, messages: MESSAGES });
  return answer.choices[0].message.content;
}

export const deltaText = (chunks) =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

export const median = (numbers) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
