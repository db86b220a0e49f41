// Clients that leave and engines that die, before and within an answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import {
  DIED, MESSAGES, STACK, client, collect, engineStats, median, rejection, total, waitUntil,
} from './support.mjs';

const ENDLESS = { 'X-Fake-Itl-Ms': '10', 'X-Fake-Tokens': '5000' };
const ABORTS = 5;

const sdk = client();
const stream = (headers, options) =>
  sdk.chat.completions.create(
    { model: STACK.model, messages: MESSAGES, stream: true },
    { headers, ...options },
  );

// Milliseconds from `left` to the moment when an engine noticed.
async function noticed(left, abortsBefore, phase) {
  assert.ok(await waitUntil(async () => (await total('aborts')) > abortsBefore, 1000));
  const [abort] = (await engineStats()).sort(
    (a, b) => b.last_abort_unix_ns - a.last_abort_unix_ns,
  );
  assert.equal(abort.last_abort_phase, phase);
  return abort.last_abort_unix_ns / 1e6 - left;
}

// The median: a busy machine may hold up one of them.
function assertPrompt(tookMs) {
  assert.ok(median(tookMs) < 50, String(tookMs));
}

test('closing a stream aborts generation', async () => {
  const tookMs = [];
  for (let i = 0; i < ABORTS; ++i) {
    const before = await total('aborts');
    const chunks = await stream(ENDLESS);
    let left = 0;
    let seen = 0;
    for await (const chunk of chunks) {
      assert.ok(chunk.choices.length);
      if (++seen < 3) continue;
      left = Date.now();
      chunks.controller.abort();
      break;
    }
    tookMs.push(await noticed(left, before, 'mid_answer'));
  }
  assertPrompt(tookMs);
});

test('leaving before the answer aborts generation', async () => {
  const tookMs = [];
  for (let i = 0; i < ABORTS; ++i) {
    const before = await total('aborts');
    const controller = new AbortController();
    const request = sdk.chat.completions.create(
      { model: STACK.model, messages: MESSAGES },
      { headers: { 'X-Fake-Ttft-Ms': '60000' }, signal: controller.signal },
    );
    const outcome = rejection(request);
    assert.ok(await waitUntil(async () => (await total('running')) > 0, 5000));
    const left = Date.now();
    controller.abort();
    assert.equal((await outcome).constructor, OpenAI.APIUserAbortError);
    tookMs.push(await noticed(left, before, 'before_head'));
  }
  assertPrompt(tookMs);
});

async function assertDied(items, least) {
  let received = 0;
  const error = await rejection(
    (async () => {
      for await (const item of items) received += item ? 1 : 0;
      return received;
    })(),
  );
  assert.equal(error.constructor, OpenAI.APIError, String(error));
  assert.deepEqual({ message: error.message, code: error.code }, DIED);
  assert.ok(received >= least, `${received} events`);
}

test('an engine that closes mid stream raises our error', async () =>
  assertDied(await stream({ 'X-Fake-Fault': 'close-mid-stream:3' }), 3));

test('an engine that resets mid stream raises our error', async () =>
  // A reset may overtake what the engine sent just before it: only the error is certain.
  assertDied(await stream({ 'X-Fake-Fault': 'reset-mid-stream:3', 'X-Fake-Itl-Ms': '20' }), 1));

test('an engine that closes within an event is never a success', async () => {
  // Half an event has gone out and cannot be taken back: an SDK may stumble over that before it
  // gets to the error event.
  const error = await rejection(stream({ 'X-Fake-Fault': 'truncated-chunk:3' }).then(collect));
  assert.ok(error instanceof OpenAI.APIError || error instanceof SyntaxError, String(error));
});

test('an engine with a malformed chunk raises our error', async () =>
  assertDied(await stream({ 'X-Fake-Fault': 'bad-chunk:3' }), 3));

test('a completion stream that breaks raises our error', async () => {
  const breaking = client({ defaultHeaders: { 'X-Fake-Fault': 'close-mid-stream:3' } });
  const body = { model: STACK.model, prompt: 'Once', stream: true };
  await assertDied(await breaking.completions.create(body), 3);
});

test('a response stream that breaks raises our error', async () => {
  const breaking = client({ defaultHeaders: { 'X-Fake-Fault': 'close-mid-stream:3' } });
  const body = { model: STACK.model, input: 'Once', stream: true };
  await assertDied(await breaking.responses.create(body), 3);
});

test('a messages stream that breaks ends with our error', async () => {
  const answer = await fetch(STACK.router + '/v1/messages', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Fake-Fault': 'close-mid-stream:3' },
    body: JSON.stringify({ model: STACK.model, max_tokens: 64, messages: MESSAGES, stream: true }),
  });
  const text = await answer.text();
  const data = text.split('\n').filter((line) => line.startsWith('data: '));
  const { message, code } = JSON.parse(data.at(-1).slice('data: '.length)).error;
  assert.deepEqual({ message, code }, DIED);
  assert.doesNotMatch(text, /message_stop/);
});

test('a cut plain answer is never a success', async () => {
  const error = await rejection(
    sdk.chat.completions.create(
      { model: STACK.model, messages: MESSAGES },
      { headers: { 'X-Fake-Fault': 'short-body' } },
    ),
  );
  // What fetch says of a body that ends too early.
  const connection = error instanceof OpenAI.APIConnectionError;
  assert.ok(connection || error.message === 'terminated', String(error));
});
