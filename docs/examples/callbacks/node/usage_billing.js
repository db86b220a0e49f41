// Adds up who has used how many tokens of which model, and prints a line of JSON for each request.
//
//     node usage_billing.js ADDRESS
//
//     node usage_billing.js unix:/run/vllm-router/billing.sock >> usage.jsonl
//
//     routerctl callbacks register billing unix:/run/vllm-router/billing.sock \
//         --hook post-request --forward-header x-tenant --post-deadline 30s
//
// A line has the request, who sent it, its model and tokens, and all tokens of that tenant and
// model since the start of the service. The tenant is what api_key_check.js makes of a key: where
// clients can name any, a client can make the table as large as it likes.
//
// Streamed answers report their tokens where the client asks for it (`stream_options`:
// `{"include_usage": true}`); for others the router has counted events. A request that was aborted
// has cost what it had generated until then.
import { headerOf, serve } from './callback_server.js';

const usage = new Map(); // by tenant and model

serve(process.argv[2], {
  async postRequest({ request, cause, attempts, tokens }) {
    if (attempts === 0) return; // no engine has worked for it
    const tenant = headerOf(request, 'x-tenant');
    const model = request.resolved_model;
    const input = tokens?.input ?? 0;
    const output = tokens?.output ?? 0;
    const key = JSON.stringify([tenant, model]);
    const total = usage.get(key) ?? { requests: 0, total_input: 0, total_output: 0 };
    total.requests += 1;
    total.total_input += input;
    total.total_output += output;
    usage.set(key, total);
    console.log(JSON.stringify({
      request: request.http_request_id, tenant, model, cause, input,
      cached: tokens?.cached_input ?? 0, output, ...total,
    }));
  },
});
