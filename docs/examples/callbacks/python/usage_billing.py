#!/usr/bin/env python3
r"""Writes down who has used how many tokens: one line of JSON for each request.

    python3 usage_billing.py --listen 127.0.0.1:9002 --file usage.jsonl

    routerctl callbacks register billing 127.0.0.1:9002 --hook post-request \
        --forward-header x-tenant --post-deadline 30s

The tenant is what api_key_check.py makes of a key. Streamed answers report their tokens where the
client asks for it (`stream_options: {"include_usage": true}`); for others the router has counted
events. A request that was aborted has cost what it had generated until then.
"""

import argparse
import asyncio
import datetime
import json
import logging
from pathlib import Path

from vllm_router_client import v1
from vllm_router_client.callbacks import CallbackService, FinishedRequest, serve


class UsageBilling(CallbackService):
    def __init__(self, file: Path) -> None:
        self._file = file.open("ab", buffering=0)  # each line is one write to the end

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
    parser = argparse.ArgumentParser(description="Writes down tokens.")
    parser.add_argument("--listen", required=True, metavar="ADDRESS", help="host:port, unix:/path")
    parser.add_argument("--file", required=True, metavar="FILE", type=Path,
                        help="where to; it is appended to")
    options = parser.parse_args()
    serve(UsageBilling(options.file), options.listen)
