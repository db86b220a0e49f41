"""The callback host as the router starts it."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from calling_router import CallingRouter

# Programs that are started with it find no package of the names in HIDDEN_PACKAGES.
HIDING = """
import importlib.machinery, os, sys

hidden = os.environ.get("HIDDEN_PACKAGES", "").split(",")

class Hiding(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] not in hidden:
            return super().find_spec(name, path, target)

sys.meta_path[:] = [Hiding if finder is importlib.machinery.PathFinder else finder
                    for finder in sys.meta_path]
"""

HIDDEN = {"fastapi": "", "starlette": "fastapi", "neither": "fastapi,starlette"}
INSTALLED = pytest.mark.parametrize("installed", list(HIDDEN))

# A handler whose pre_request consists of some statements.
DECIDING = """
    from fastapi import HTTPException, Request, Response, status
    from fastapi.responses import JSONResponse, PlainTextResponse
    from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler

    class Handler(CustomCallbackHandler):
        def pre_request(self, request, request_body, request_json):
            return self.decide(request, request_body, request_json)

        def decide(self, request, request_body, request_json):
            {decide}

    handler = Handler()
"""


class Log:
    """The lines that a process writes, as they come."""

    def __init__(self, stream):
        self._lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(stream,))
        self._thread.start()

    def _read(self, stream):
        with stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def text(self):
        with self._changed:
            return "".join(self._lines)

    def length(self):
        with self._changed:
            return len(self._lines)

    def wait_for(self, text, since=0):
        """Until it is there, in the lines from that number on, which are returned."""
        def there():
            return "".join(self._lines[since:])

        with self._changed:
            self._changed.wait_for(lambda: self._ended or text in there(), 30)
            assert text in there(), there()
            return there()

    def whole(self):
        """Once the process has ended."""
        self._thread.join()
        return self.text()


class Host:
    """A host, with the pipes that the router holds."""

    def __init__(self, folder, instance, installed="fastapi", arguments=(), environment=None):
        folder.joinpath("hiding").mkdir(exist_ok=True)
        folder.joinpath("hiding", "sitecustomize.py").write_text(HIDING)
        self.socket = folder / "host.sock"
        self.address = f"unix:{self.socket}"
        status, given = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vllm_router.callback_host", "--listen", self.address,
             "--instance", instance, "--status-fd", str(given), *arguments],
            cwd=folder, pass_fds=[given], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(folder / "hiding"),
                 "HIDDEN_PACKAGES": HIDDEN[installed], **(environment or {})})
        os.close(given)
        self._status = open(status)
        self.log = Log(self._process.stdout)
        self._router = None

    @property
    def router(self):
        if self._router is None:
            self._router = CallingRouter(self.address)
        return self._router

    def status(self):
        """The line on the status pipe, which the host then closes; None when it ended without."""
        with self._status as status:
            line = status.readline()
            assert status.read() == ""
        return json.loads(line) if line else None

    def ready(self):
        status = self.status()
        assert status is not None and status["ready"], self.log.whole()
        return status

    def close_stdin(self):
        self._process.stdin.close()

    def signal(self, number):
        os.killpg(self._process.pid, number)

    def wait(self):
        return self._process.wait(30)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def end(self):
        if self._router is not None:
            self._router.close()
        self._status.close()
        self._process.stdin.close()
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.log.whole()
