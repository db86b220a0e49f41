#!/usr/bin/env python3
r"""Writes down who has used how many tokens: one line of JSON for each request.

    usage_billing.py ADDRESS FILE

    python3 usage_billing.py 127.0.0.1:9003 usage.jsonl

    routerctl callbacks register billing 127.0.0.1:9003 --hook post-request \
        --forward-header x-tenant --post-deadline 30s

The tenant is what api_key_check.py makes of a key. Streamed answers report their tokens where the
client asks for it (`stream_options: {"include_usage": true}`); for others the router has counted
events. A request that was aborted has cost what it had generated until then.
"""

import asyncio
import datetime
import json
import logging
import sys

from vllm_router_client import v1
from vllm_router_client.callbacks import CallbackService, FinishedRequest, serve


class UsageBilling(CallbackService):
    def __init__(self, file: str) -> None:
        self._file = open(file, "ab", buffering=0)  # each line is one write to the end

    async def post_request(self, finished: FinishedRequest) -> None:
        tokens = finished.tokens
        if finished.attempts == 0:
            return  # no engine has worked for it
        line = json.dumps({
            "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            "request_id": finished.request.request_id,
            "tenant": finished.request.headers.get("x-tenant"),
            "model": finished.request.resolved_model,
            "input": tokens.input, "cached_input": tokens.cached_input, "output": tokens.output,
            "cause": v1.RequestCause.Name(finished.cause),
        })
        await asyncio.to_thread(self._file.write, line.encode() + b"\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    serve(UsageBilling(sys.argv[2]), sys.argv[1])
