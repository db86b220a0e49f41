// Which exception an SDK makes of each refusal and failure, and how often it asks before.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import OpenAI from 'openai';
import {
  MESSAGES, STACK, client, control, recorded, rejection, stats, total,
} from './support.mjs';

const ask = (sdk, { headers, ...more } = {}) =>
  sdk.chat.completions.create({ model: STACK.model, messages: MESSAGES, ...more }, { headers });

// Its answers' statuses, those before retries included, go to the list.
const countingClient = (statuses, changes) =>
  client({
    fetch: async (...request) => {
      const response = await fetch(...request);
      statuses.push(response.status);
      return response;
    },
    ...changes,
  });

async function raised(kind, promise) {
  const error = await rejection(promise);
  assert.equal(error.constructor, kind, String(error));
  return error;
}

function assertError(error, status, code, param = null) {
  assert.deepEqual([error.status, error.code, error.param], [status, code, param]);
}

async function assertAskedThreeTimes(fault, kind, status) {
  const before = await total('requests');
  const requestId = randomUUID();
  const headers = { 'X-Fake-Fault': fault, 'X-Request-Id': requestId };
  const error = await raised(kind, ask(client({ maxRetries: 2 }), { headers }));
  assert.equal(error.status, status);
  assert.equal(error.headers.get('Retry-After'), '1');
  assert.equal((await total('requests')) - before, 3);
  const counts = (await recorded(requestId)).map((r) => r.headers['x-stainless-retry-count']);
  assert.deepEqual(counts.sort(), ['0', '1', '2']);
}

test('an unknown model is not found', async () => {
  const before = await total('requests');
  const error = await raised(OpenAI.NotFoundError, ask(client(), { model: 'nobody/knows' }));
  assertError(error, 404, 'model_not_found', 'model');
  assert.equal(error.type, 'invalid_request_error');
  assert.match(error.message, /Model 'nobody\/knows' not found/);
  assert.equal(await total('requests'), before);
});

test('the card of an unknown model is not found', async () => {
  const error = await raised(OpenAI.NotFoundError, client().models.retrieve('nobody/knows'));
  assertError(error, 404, 'model_not_found', 'model');
});

test('a body without a model is a bad request', async () => {
  const body = { messages: MESSAGES };
  const sdk = client({ maxRetries: 2 });
  const error = await raised(OpenAI.BadRequestError, sdk.post('/chat/completions', { body }));
  assertError(error, 400, 'missing_required_parameter', 'model');
  assert.match(error.message, /missing 'model'/);
});

test('a model that is no string is a bad request', async () => {
  const error = await raised(OpenAI.BadRequestError, ask(client(), { model: 5 }));
  assertError(error, 400, 'invalid_type', 'model');
});

test('a bad request of the engine passes through', async () => {
  const before = await total('requests');
  const headers = { 'X-Fake-Fault': 'status:400' };
  const error = await raised(OpenAI.BadRequestError, ask(client({ maxRetries: 2 }), { headers }));
  assert.equal(error.status, 400);
  assert.equal((await total('requests')) - before, 1);
});

test('a wrong key is an authentication error', async () => {
  const before = await total('requests');
  const sdk = client({ baseURL: STACK.keyed_router + '/v1', apiKey: 'sk-wrong', maxRetries: 2 });
  const error = await raised(OpenAI.AuthenticationError, ask(sdk));
  assertError(error, 401, 'invalid_api_key');
  assert.match(error.message, /Incorrect API key/);
  assert.equal(await total('requests'), before);
});

test('the right key is served and stays here', async () => {
  const requestId = randomUUID();
  const sdk = client({ baseURL: STACK.keyed_router + '/v1', apiKey: STACK.api_key });
  assert.ok((await ask(sdk, { headers: { 'X-Request-Id': requestId } })).choices.length);
  const requests = await recorded(requestId);
  assert.equal(requests.length, 1);
  assert.ok(!requests[0].head.includes(STACK.api_key));
});

test('a 429 of the engine is retried and then a rate limit error', () =>
  assertAskedThreeTimes('status:429', OpenAI.RateLimitError, 429));

test('a 503 of the engine is retried and then an internal server error', () =>
  assertAskedThreeTimes('status:503', OpenAI.InternalServerError, 503));

test('a retry that is answered hides two failures', async () => {
  // One failure at each engine: in turn, the first two requests meet one, the third none.
  const fault = { fault: 'status:500', fault_times: 1 };
  for (const engine of STACK.engines) await control(engine, fault);
  const statuses = [];
  assert.ok((await ask(countingClient(statuses, { maxRetries: 2 }))).choices.length);
  assert.deepEqual(statuses, [500, 500, 200]);
});

test('engines that are down are an internal server error', async () => {
  const statuses = [];
  const sdk = countingClient(statuses, { maxRetries: 2 });
  const error = await raised(OpenAI.InternalServerError, ask(sdk, { model: STACK.down_model }));
  assertError(error, 502, 'backend_connect_failed');
  assert.ok(!error.message.includes('127.0.0.1'));
  assert.deepEqual(statuses, [502, 502, 502]);
});

test('one failing engine is covered by the other', async (context) => {
  const failing = STACK.engines[0];
  const before = (await stats(failing)).faults;
  context.after(() => control(failing, { fault: 'none' }));
  await control(failing, { fault: 'reset-before-head' });
  const sdk = client();
  for (let i = 0; i < 4; ++i) assert.ok((await ask(sdk)).choices.length);
  assert.ok((await stats(failing)).faults - before >= 1);
});
