// Lets requests pass whose API key is known, and tells everybody behind it whose key it is.
//
//     node api_key_check.js ADDRESS KEYS
//
// KEYS has a line for each key, as the router's own --api-keys-file has: a name, and the key's
// SHA-256.
//
//     printf 'acme %s\n' "$(printf %s "$KEY" | sha256sum | cut -d' ' -f1)" >> keys
//     node api_key_check.js unix:/run/vllm-router/api-keys.sock keys
//
//     routerctl callbacks register api-keys unix:/run/vllm-router/api-keys.sock \
//         --hook pre-request --order -10 --failure-mode fail-closed \
//         --forward-header authorization --allow-credentials true
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { headerOf, openAiError, serve } from './callback_server.js';

const [address, keys] = process.argv.slice(2);
const names = new Map(); // by digest in hex
for (const line of readFileSync(keys, 'utf8').split('\n')) {
  const [name, digest] = line.trim().split(/\s+/);
  if (name && !name.startsWith('#')) names.set(digest.toLowerCase(), name);
}

serve(address, {
  async preRequest({ request }) {
    const key = /^bearer (.*)$/i.exec(headerOf(request, 'authorization'))?.[1] ?? '';
    // Digests are compared: how long that takes tells nothing about the keys.
    const tenant = names.get(createHash('sha256').update(key, 'latin1').digest('hex'));
    if (tenant === undefined) {
      return openAiError(401, 'invalid_api_key', 'Incorrect API key provided.');
    }
    return {
      proceed: {
        header_mutations: [
          // Set, so that nobody can name a tenant by himself; the key goes no further.
          { name: 'x-tenant', value: Buffer.from(tenant) },
          { action: 'ACTION_REMOVE', name: 'authorization' },
        ],
      },
    };
  },
});
