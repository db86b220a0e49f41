// Endpoints that do not generate text, the model list, and request ids.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { MESSAGES, STACK, client, collect, recorded, rejection } from './support.mjs';

const SECONDS = 2;
const RECORDING = Buffer.alloc(SECONDS * 32000, Buffer.from([...Array(256).keys()]));
const PNG_SIGNATURE = '89504e470d0a1a0a';

const sdk = client();
const named = (requestId) => ({ headers: { 'X-Request-Id': requestId } });
const recording = () => toFile(RECORDING, 'speech.wav', { type: 'audio/wav' });

async function theOnlyOne(requestId) {
  const requests = await recorded(requestId);
  assert.equal(requests.length, 1);
  return requests[0];
}

test('embeddings as floats', async () => {
  const body = { model: STACK.model, input: ['one', 'two'], encoding_format: 'float' };
  const { data } = await sdk.embeddings.create(body);
  assert.deepEqual(
    data.map((item) => [item.index, item.embedding.length]),
    [
      [0, 16],
      [1, 16],
    ],
  );
  assert.notDeepEqual(data[0].embedding, data[1].embedding);
});

test('embeddings in base64 by default', async () => {
  const body = { model: STACK.model, input: 'one' };
  const requestId = randomUUID();
  const asked = await sdk.embeddings.create({ ...body, encoding_format: 'float' });
  const decoded = (await sdk.embeddings.create(body, named(requestId))).data[0].embedding;
  assert.equal(JSON.parse((await theOnlyOne(requestId)).body).encoding_format, 'base64');
  const floats = asked.data[0].embedding;
  assert.equal(decoded.length, floats.length);
  floats.forEach((want, index) => assert.ok(Math.abs(decoded[index] - want) < 1e-5));
});

test('a transcription of an upload as json', async () => {
  const requestId = randomUUID();
  const body = { model: STACK.model, file: await recording(), response_format: 'json' };
  const answer = await sdk.audio.transcriptions.create(body, named(requestId));
  assert.ok(answer.text.split(' ').length > 1);
  assert.equal(answer.usage.seconds, SECONDS);
  const request = await theOnlyOne(requestId);
  assert.match(request.headers['content-type'], /^multipart\/form-data; boundary=/);
  assert.ok(request.body_bytes > RECORDING.length);
});

test('a transcription of an upload as text', async () => {
  const transcribe = async (format) =>
    sdk.audio.transcriptions.create({
      model: STACK.model,
      file: await recording(),
      response_format: format,
    });
  assert.equal(await transcribe('text'), (await transcribe('json')).text + '\n');
});

test('speech is bytes', async () => {
  const answer = await sdk.audio.speech.create({
    model: STACK.model,
    voice: 'alloy',
    input: 'Hello',
    response_format: 'wav',
  });
  assert.equal(answer.headers.get('content-type'), 'audio/wav');
  const sound = Buffer.from(await answer.arrayBuffer());
  assert.equal(sound.toString('latin1', 0, 4), 'RIFF');
  assert.equal(sound.readUInt32LE(4) + 8, sound.length);
});

test('images are generated', async () => {
  const { data } = await sdk.images.generate({
    model: STACK.model,
    prompt: 'a dot',
    n: 2,
    response_format: 'b64_json',
  });
  assert.equal(data.length, 2);
  for (const image of data) {
    assert.ok(Buffer.from(image.b64_json, 'base64').toString('hex').startsWith(PNG_SIGNATURE));
  }
});

test('moderations answer', async () => {
  const body = { model: STACK.model, input: ['fine', 'also fine'] };
  const { results } = await sdk.moderations.create(body);
  assert.deepEqual(
    results.map((result) => result.flagged),
    [false, false],
  );
});

test('models are listed', async () => {
  const models = await collect(sdk.models.list());
  assert.deepEqual(
    models.map((model) => model.id).sort(),
    [STACK.model, STACK.short_keep_alive_model, STACK.down_model].sort(),
  );
});

test('a model with a slash is retrieved', async () => {
  assert.match(STACK.model, /\//);
  const model = await sdk.models.retrieve(STACK.model);
  assert.deepEqual([model.id, model.object], [STACK.model, 'model']);
});

test('every answer has a request id', async () => {
  const body = { model: STACK.model, messages: MESSAGES };
  const { response } = await sdk.chat.completions.create(body).withResponse();
  const first = response.headers.get('X-Request-Id');
  await theOnlyOne(first);
  const second = (await sdk.chat.completions.create(body))._request_id;
  const refusal = await rejection(sdk.chat.completions.create({ ...body, model: 'nobody' }));
  assert.equal(refusal.constructor, OpenAI.NotFoundError);
  const ids = new Set([first, second, refusal.requestID]);
  assert.ok([...ids].every((id) => typeof id === 'string'));
  assert.equal(ids.size, 3);
});

test('a request id of the client is kept', async () => {
  const requestId = randomUUID();
  const { response } = await sdk.chat.completions
    .create({ model: STACK.model, messages: MESSAGES }, named(requestId))
    .withResponse();
  assert.equal(response.headers.get('X-Request-Id'), requestId);
  assert.equal((await theOnlyOne(requestId)).method, 'POST');
});
