#!/usr/bin/env python3
r"""Lets requests pass whose API key is known, and tells everybody behind it whose key it is.

    printf 'acme %s\n' "$(printf %s "$KEY" | sha256sum | cut -d' ' -f1)" >> keys
    python3 api_key_check.py --listen 127.0.0.1:9000 --keys keys

    routerctl callbacks register api-keys 127.0.0.1:9000 --hook pre-request --order -10 \
        --forward-header authorization --allow-credentials true --failure-mode fail-closed
"""

import argparse
import hashlib
import logging
from pathlib import Path
from typing import Dict

from vllm_router_client.callbacks import Answer, CallbackService, Changes, Decision, Request, serve


class ApiKeyCheck(CallbackService):
    def __init__(self, keys: Path) -> None:
        # As the router's own --api-keys-file: a name and the SHA-256 of its key in each line.
        lines = [line.split() for line in keys.read_text().splitlines() if line.strip()]
        self._tenants: Dict[str, str] = {digest: name for name, digest in lines}

    async def pre_request(self, request: Request) -> Decision:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        # Compared are digests: how long that takes tells nothing about the keys.
        tenant = self._tenants.get(hashlib.sha256(key.strip().encode("latin-1")).hexdigest())
        if scheme.lower() != "bearer" or tenant is None:
            return Answer.json(401, {"error": {
                "message": "Incorrect API key provided.", "type": "invalid_request_error",
                "code": "invalid_api_key"}}, {"www-authenticate": "Bearer"})
        # Set, so that nobody can name a tenant by himself; the key goes no further.
        return Changes(set_headers={"x-tenant": tenant}, remove_headers=["authorization"])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    parser = argparse.ArgumentParser(description="Checks API keys.")
    parser.add_argument("--listen", required=True, metavar="ADDRESS", help="host:port, unix:/path")
    parser.add_argument("--keys", required=True, metavar="FILE", type=Path,
                        help="a line for each key: its SHA-256, its tenant")
    options = parser.parse_args()
    serve(ApiKeyCheck(options.keys), options.listen)
