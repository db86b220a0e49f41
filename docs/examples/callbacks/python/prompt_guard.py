#!/usr/bin/env python3
r"""Refuses requests with text that must not leave the house.

    printf '%s\n' 'AKIA[0-9A-Z]{16}' '-----BEGIN [A-Z ]*PRIVATE KEY-----' > patterns
    python3 prompt_guard.py --listen 127.0.0.1:9001 --patterns patterns

    routerctl callbacks register prompt-guard 127.0.0.1:9001 --hook pre-request \
        --request-body full --max-body-bytes 4194304 --over-limit deny \
        --failure-mode fail-closed --pre-deadline 1s

What the guard cannot read does not pass: a longer body, one that is compressed or no JSON, one that
comes while the guard is down.
"""

import argparse
import logging
import re
from pathlib import Path
from typing import Any, Iterator

from vllm_router_client.callbacks import Answer, CallbackService, Decision, Request, serve


class PromptGuard(CallbackService):
    def __init__(self, patterns: Path) -> None:
        self._patterns = [re.compile(line) for line in patterns.read_text().splitlines() if line]

    async def pre_request(self, request: Request) -> Decision:
        try:
            texts = list(strings_of(request.body.json()))
        except ValueError:
            return refusal("The guard cannot read the request's body.")
        for pattern in self._patterns:
            if any(pattern.search(text) for text in texts):
                logging.warning("request %s refused: it matches %s", request.request_id,
                                pattern.pattern)
                return refusal("The request holds text that must not leave this network.")
        return None


def refusal(message: str) -> Answer:
    return Answer.json(400, {"error": {
        "message": message, "type": "invalid_request_error", "code": "content_policy_violation"}})


def strings_of(value: Any) -> Iterator[str]:
    """All of them, wherever they are: messages, tools, names. Not as JSON escapes them."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    parser = argparse.ArgumentParser(description="Refuses prompts.")
    parser.add_argument("--listen", required=True, metavar="ADDRESS", help="host:port, unix:/path")
    parser.add_argument("--patterns", required=True, metavar="FILE", type=Path,
                        help="a regular expression in each line")
    options = parser.parse_args()
    serve(PromptGuard(options.patterns), options.listen)
