// Endpoints that generate text: plain answers, streams, and that both say the same.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { MESSAGES, STACK, chatText, client, collect, deltaText, recorded } from './support.mjs';

const TOOLS = [
  {
    type: 'function',
    function: {
      name: 'say',
      description: 'Says it.',
      parameters: { type: 'object', properties: { text: { type: 'string' } } },
    },
  },
];

const sdk = client();
const chat = (more, options) =>
  sdk.chat.completions.create({ model: STACK.model, messages: MESSAGES, ...more }, options);

test('chat answers', async () => {
  const answer = await chat({ max_tokens: 5 });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.model, STACK.model);
  assert.equal(answer.choices[0].finish_reason, 'length');
  assert.equal(answer.choices[0].message.content.split(' ').length, 5);
  assert.equal(answer.usage.completion_tokens, 5);
});

test('chat streams the same text', async () => {
  const chunks = await collect(await chat({ stream: true }));
  assert.equal(deltaText(chunks), await chatText(sdk));
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
});

test('chat stream ends with usage', async () => {
  const stream = await chat({ stream: true, stream_options: { include_usage: true } });
  const chunks = await collect(stream);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.slice(0, -1).every((chunk) => !chunk.usage));
  const plain = (await chat()).usage;
  assert.ok(plain.prompt_tokens > 0);
  assert.equal(chunks.at(-1).usage.prompt_tokens, plain.prompt_tokens);
  assert.equal(chunks.at(-1).usage.completion_tokens, plain.completion_tokens);
});

test('tool call deltas make the whole call', async () => {
  const plain = (await chat({ tools: TOOLS })).choices[0];
  assert.equal(plain.finish_reason, 'tool_calls');
  let name = '';
  let args = '';
  let finish = null;
  for await (const chunk of await chat({ tools: TOOLS, stream: true })) {
    finish = chunk.choices[0].finish_reason;
    for (const call of chunk.choices[0].delta.tool_calls ?? []) {
      name += call.function.name ?? '';
      args += call.function.arguments ?? '';
    }
  }
  assert.equal(finish, 'tool_calls');
  assert.equal(name, 'say');
  assert.equal(args, plain.message.tool_calls[0].function.arguments);
  assert.deepEqual(Object.keys(JSON.parse(args)), ['text']);
});

test('the stream helper collects an answer', async () => {
  const stream = sdk.chat.completions.stream({ model: STACK.model, messages: MESSAGES });
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.content, await chatText(sdk));
});

test('completions stream the same text', async () => {
  const body = { model: STACK.model, prompt: 'Once upon a time' };
  const plain = await sdk.completions.create(body);
  assert.equal(plain.object, 'text_completion');
  const chunks = await collect(await sdk.completions.create({ ...body, stream: true }));
  const text = chunks.map((chunk) => chunk.choices[0].text).join('');
  assert.equal(text, plain.choices[0].text);
  assert.notEqual(text, '');
});

test('responses answer', async () => {
  const answer = await sdk.responses.create({ model: STACK.model, input: 'Hello' });
  assert.equal(answer.status, 'completed');
  assert.equal(answer.output_text.split(' ').length, answer.usage.output_tokens);
  assert.ok(answer.usage.output_tokens > 0);
});

test('responses stream typed events', async () => {
  const body = { model: STACK.model, input: 'Hello' };
  const plain = await sdk.responses.create(body);
  const events = await collect(await sdk.responses.create({ ...body, stream: true }));
  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index),
  );
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), plain.output_text);
  assert.equal(events.at(-1).response.output[0].content[0].text, plain.output_text);
});

test('the messages api answers and streams', async () => {
  const ask = (more) =>
    fetch(STACK.router + '/v1/messages', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({
        model: STACK.model,
        max_tokens: 64,
        messages: MESSAGES,
        ...more,
      }),
    });
  const plain = await (await ask()).json();
  assert.deepEqual([plain.type, plain.stop_reason], ['message', 'end_turn']);
  const answer = await ask({ stream: true });
  assert.match(answer.headers.get('content-type'), /^text\/event-stream/);
  const lines = (await answer.text()).split('\n');
  const values = (field) =>
    lines.filter((line) => line.startsWith(field)).map((line) => line.slice(field.length));
  const names = values('event: ');
  assert.deepEqual([names[0], names.at(-1)], ['message_start', 'message_stop']);
  const text = values('data: ')
    .map((data) => JSON.parse(data))
    .filter((event) => event.type === 'content_block_delta')
    .map((event) => event.delta.text)
    .join('');
  assert.equal(text, plain.content[0].text);
});

test('an alias reaches the engine as its model', async () => {
  const requestId = randomUUID();
  const answer = await chat({ model: STACK.alias }, { headers: { 'X-Request-Id': requestId } });
  assert.equal(answer.choices[0].message.content, await chatText(sdk));
  const requests = await recorded(requestId);
  assert.equal(requests.length, 1);
  assert.equal(JSON.parse(requests[0].body).model, STACK.model);
});
