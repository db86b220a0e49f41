// Refuses requests that hold a text of a list, and those that it cannot read.
//
//     node prompt_guard.js ADDRESS LIST
//
// LIST has a text in each line; it is found in whatever case and wherever it stands: in messages,
// tools, names.
//
//     printf '%s\n' 'Project Bluebird' 'internal use only' > list
//     node prompt_guard.js unix:/run/vllm-router/prompt-guard.sock list
//
//     routerctl callbacks register prompt-guard unix:/run/vllm-router/prompt-guard.sock \
//         --hook pre-request --request-body full --max-body-bytes 4194304 --over-limit deny \
//         --failure-mode fail-closed --pre-deadline 500ms
//
// What the guard has not read does not pass: a longer body, one that is compressed or no JSON, one
// that comes while the guard is down.
import { readFileSync } from 'node:fs';

import { openAiError, serve } from './callback_server.js';

const [address, path] = process.argv.slice(2);
const list = readFileSync(path, 'utf8').toLowerCase().split('\n').filter((line) => line !== '');

serve(address, {
  async preRequest({ request }) {
    // All names and strings of the body, as they are and not as JSON escapes them. Of members with
    // the same name the last one counts, for engines as well.
    const texts = [];
    try {
      JSON.parse(request.body.data.toString(), (name, value) => {
        texts.push(name.toLowerCase());
        if (typeof value === 'string') texts.push(value.toLowerCase());
        return value;
      });
    } catch {
      return openAiError(400, 'content_policy_violation', 'The guard cannot read this request.');
    }
    const found = list.find((text) => texts.some((string) => string.includes(text)));
    if (found === undefined) return {};
    console.error(`request ${request.http_request_id} is refused: it holds "${found}"`);
    return openAiError(400, 'content_policy_violation',
                       'The request holds text that must not leave this network.');
  },
});
