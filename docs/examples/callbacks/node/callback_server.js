// A server for proto/callback.proto, which is read at run time: nothing is generated. `npm ci` gets
// the two packages that it takes.
//
//   serve(address, { preRequest: async (call) => decision, postRequest: async (call) => {} });
//
// Messages are plain objects with the field names of the proto, enums their names, bytes Buffers;
// fields that the router leaves out have their defaults. What a function throws is a failure of the
// callback: the registration's failure mode says what becomes of the request.
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url)); // of the checkout

export function serve(address, { preRequest = async () => {}, postRequest = async () => {} }) {
  const definition = protoLoader.loadSync('proto/callback.proto', {
    includeDirs: [ROOT], keepCase: true, longs: Number, enums: String, defaults: true,
  });
  const { RouterCallback } = grpc.loadPackageDefinition(definition).vllm_router.v1;
  // The registration's max_body_bytes is what bounds calls.
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const answered = (handle) => async (call, callback) => {
    try {
      callback(null, (await handle(call.request)) ?? {});
    } catch (error) {
      console.error(error);
      callback({ code: grpc.status.INTERNAL, details: error.message });
    }
  };
  server.addService(RouterCallback.service, {
    PreRequest: answered(preRequest),
    PostRequest: answered(async (call) => { await postRequest(call); }),
  });
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) {
      console.error(`cannot listen on ${address}: ${error.message}`);
      process.exit(1);
    }
    console.error(`listens on ${address}`);
  });
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => server.tryShutdown(() => process.exit(0)));
  }
}

// The first value of a header, its name in lower case; empty when there is none.
export function headerOf(request, name) {
  return request.headers.find((header) => header.name === name)?.value.toString('latin1') ?? '';
}

// Ends a request with an error that the OpenAI SDKs understand.
export function openAiError(status, code, message) {
  const error = { message, type: 'invalid_request_error', param: null, code };
  return {
    answer: {
      status,
      headers: [{ name: 'content-type', value: Buffer.from('application/json') }],
      body: Buffer.from(JSON.stringify({ error })),
    },
  };
}
