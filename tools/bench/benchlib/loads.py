"""The loads: wrk or loadgen against one server, pinned to the load's processor."""

import json
import os
import subprocess

from . import rig
from .children import BenchError, wait_for_line

# wrk prints what it saw as one JSON line; it counts failures only by these five names.
_WRK_SCRIPT = """\
local file = assert(io.open("{body}", "rb"))
wrk.body = file:read("*a")
file:close()
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
{headers}
done = function(summary)
  local e = summary.errors
  io.write(string.format(
    '{{"requests":%d,"microseconds":%d,"failed":%d}}\\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""

# The same fields as loadgen sends; Host and Content-Length are wrk's own.
_HEADERS = {
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": "OpenAI/Python 1.99.1",
    "X-Stainless-Lang": "python",
    "X-Stainless-Package-Version": "1.99.1",
    "X-Stainless-OS": "Linux",
    "X-Stainless-Arch": "x64",
    "X-Stainless-Runtime": "CPython",
    "X-Stainless-Runtime-Version": "3.11.2",
    "Authorization": "Bearer sk-loadgen",
    "X-Stainless-Async": "false",
    "X-Stainless-Retry-Count": "0",
}


class Loads:
    """Each method runs one load to its end and returns what the generator reported."""

    def __init__(self, children, directory, paths, generator="wrk"):
        self._children = children
        self._directory = directory
        self._paths = paths
        self._generator = generator
        self._scripts = {}

    def _loadgen(self, mode, url, limit_seconds, **flags):
        """Runs loadgen and returns its JSON object. Flags with underscores for dashes."""
        result = os.path.join(self._directory, "loadgen.json")
        argv = self._argv(mode, url, json=result, **flags)
        self._children.run("loadgen", argv, limit_seconds, cpus=rig.LOAD_CPUS)
        with open(result, encoding="utf-8") as file:
            return json.load(file)

    def _argv(self, mode, url, **flags):
        argv = [self._paths.loadgen, mode, url]
        for name, value in flags.items():
            argv.append(f"--{name.replace('_', '-')}={value}")
        return argv

    def _script(self, size):
        """The wrk script for a body of that size."""
        if size not in self._scripts:
            body = os.path.join(self._directory, f"body-{size}.json")
            made = subprocess.run(
                [self._paths.loadgen, "body", "--body", size, "--model", rig.MODEL],
                stdout=subprocess.PIPE, check=True, timeout=10,
            )
            with open(body, "wb") as file:
                file.write(made.stdout)
            headers = "\n".join(f'wrk.headers["{k}"] = "{v}"' for k, v in _HEADERS.items())
            path = os.path.join(self._directory, f"wrk-{size}.lua")
            with open(path, "w", encoding="utf-8") as file:
                file.write(_WRK_SCRIPT.format(body=body, headers=headers))
            self._scripts[size] = path
        return self._scripts[size]

    def closed(self, url, size, connections, seconds):
        """{"requests", "failed", "per_second"} of a closed loop. wrk knows whole seconds only."""
        if self._generator == "wrk":
            argv = [
                self._paths.wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
                "-s", self._script(size), url,
            ]
            output = self._children.run("wrk", argv, seconds + 20, cpus=rig.LOAD_CPUS)
            lines = [line for line in output.splitlines() if line.startswith("{")]
            if not lines:
                raise BenchError(f"wrk told nothing: {output.strip()}")
            result = json.loads(lines[-1])
            took = result["microseconds"] / 1e6
        else:
            result = self._loadgen(
                "closed", url, seconds + 40, connections=connections, seconds=seconds, body=size
            )
            took = result["seconds"]
        return {
            "requests": result["requests"],
            "failed": result["failed"],
            "per_second": result["requests"] / took,
        }

    def exactly(self, url, requests, connections, size="1k", tokens=0):
        """Just so many requests, by loadgen; none may fail. `tokens`: of each answer; 0: the
        engine's own choice, which for streams has no end."""
        result = self._loadgen(
            "closed", url, 300, connections=connections, requests=requests, body=size,
            tokens=tokens,
        )
        if result["failed"]:
            raise BenchError(
                f"{result['failed']} of {requests} requests failed: "
                f"{result['statuses']} {result['failures']}"
            )
        return result

    def rate(self, url, per_second, seconds):
        return self._loadgen(
            "rate", url, seconds + 40, rate=per_second, seconds=seconds, warmup_seconds=0.5,
            connections=128,
        )

    def start_rate(self, url, per_second, seconds):
        """The same, without an end that anybody waits for; `release` ends it."""
        argv = self._argv("rate", url, rate=per_second, seconds=seconds, connections=128)
        return self._children.start(
            "loadgen-rate", argv, cpus=rig.LOAD_CPUS, limit_seconds=seconds + 40,
            stdout=subprocess.DEVNULL,
        )

    def stream(self, url, streams, tokens, itl_ms):
        """`streams` streams at once, one each, of `tokens` tokens."""
        expected = tokens * itl_ms / 1000
        return self._loadgen(
            "stream", url, expected * 3 + 60, streams=streams, requests=streams, tokens=tokens,
            itl_ms=itl_ms, seconds=expected * 2 + 10, drain_seconds=10,
        )

    def hold(self, mode, url, limit_seconds=60, **flags):
        """Starts an idle or stream load that goes on until it is stopped, and waits until all of it
        stands. Returns the child."""
        child = self._children.start(
            f"loadgen-{mode}", self._argv(mode, url, **flags), cpus=rig.LOAD_CPUS,
            limit_seconds=limit_seconds, stdout=subprocess.PIPE,
        )
        wait_for_line(child, "ready", limit_seconds / 2)
        return child

    def release(self, child):
        """Ends what `hold` started."""
        self._children.stop(child)
