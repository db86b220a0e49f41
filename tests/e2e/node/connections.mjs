// Many streams at once, and the router's connections to the engines.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import {
  MESSAGES, STACK, client, collect, deltaText, engineStats, recorded, stats, waitUntil,
} from './support.mjs';

const STREAMS = 50;
const ROUNDS = 4;
const AT_ONCE = 5;

const times = (count, make) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

test('fifty streams at once all complete', async () => {
  const sdk = client();
  const finished = async () => (await engineStats()).map((engine) => engine.streams_finished);
  const before = await finished();
  const results = await times(STREAMS, async (number) => {
    const messages = [{ role: 'user', content: `Stream ${number}` }];
    const plain = await sdk.chat.completions.create({ model: STACK.model, messages });
    const stream = await sdk.chat.completions.create(
      { model: STACK.model, messages, stream: true },
      { headers: { 'X-Fake-Itl-Ms': '5' } },
    );
    const chunks = await collect(stream);
    const text = deltaText(chunks);
    assert.equal(text, plain.choices[0].message.content);
    return { text, finish: chunks.at(-1).choices[0].finish_reason };
  });
  assert.ok(results.every((result) => result.finish === 'stop'));
  assert.equal(new Set(results.map((result) => result.text)).size, STREAMS);
  const served = (await finished()).map((count, index) => count - before[index]);
  assert.equal(served[0] + served[1], STREAMS);
  assert.ok(served.every((count) => count > 0), String(served));
});

test('requests in a row share an engine connection', async () => {
  const sdk = client();
  const ids = Array.from({ length: 6 }, () => randomUUID());
  for (const id of ids) {
    await sdk.chat.completions.create(
      { model: STACK.model, messages: MESSAGES },
      { headers: { 'X-Request-Id': id } },
    );
  }
  for (const engine of STACK.engines) {
    const requests = (await Promise.all(ids.map((id) => recorded(id, [engine])))).flat();
    assert.equal(requests.length, 3);
    assert.equal(new Set(requests.map((request) => request.connection)).size, 1);
  }
});

test('the keep alive close of an engine goes unnoticed', async () => {
  const sdk = client();
  const engine = STACK.short_keep_alive_engine;
  const open = async () => (await stats(engine)).connections_open;
  const before = await stats(engine);
  for (let round = 1; round <= ROUNDS; ++round) {
    const answers = await times(AT_ONCE, () =>
      sdk.chat.completions.create(
        { model: STACK.short_keep_alive_model, messages: MESSAGES },
        { headers: { 'X-Fake-Ttft-Ms': '30' } },
      ),
    );
    assert.ok(answers.every((answer) => answer.choices[0].finish_reason === 'stop'));
    if (round === ROUNDS) break;
    // The next requests go out just as the engine begins to close what it kept.
    const peak = Math.max(2, await open());
    assert.ok(await waitUntil(async () => (await open()) < peak, 5000));
  }
  const after = await stats(engine);
  assert.equal(after.answered - before.answered, ROUNDS * AT_ONCE);
  assert.equal(after.aborts, before.aborts);
});
