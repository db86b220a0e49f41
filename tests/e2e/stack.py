"""The processes under test: engines and routers on free ports of the loopback interface."""

import hashlib
import json
import os
import queue
import re
import signal
import socket
import subprocess
import threading
import time

MODEL = "org/fake-model"
ALIAS = "gpt-alias"
SHORT_KEEP_ALIVE_MODEL = "short-keep-alive"
DOWN_MODEL = "down-model"
API_KEY = "sk-e2e-right-key"
READY_SECONDS = 30


class Process:
    """One server. Its output goes to a log file; the line with its address says it is ready.
    `options`: more of subprocess.Popen."""

    def __init__(self, name, command, log_dir, **options):
        self.name = name
        self.log_path = os.path.join(log_dir, name + ".log")
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            **options)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with open(self.log_path, "wb") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                self._lines.put(line.decode(errors="replace"))
        self._lines.put(None)

    def wait_ready(self, pattern):
        """The URL of the address that `pattern` catches in a line of output."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise RuntimeError(f"{self.name} is not ready after {READY_SECONDS} s") from None
            if line is None:
                raise RuntimeError(f"{self.name} ended at once:\n{self.log_tail()}")
            found = re.search(pattern, line)
            if found:
                return "http://" + found.group(1)

    def log_tail(self, lines=40):
        with open(self.log_path, errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def running(self):
        return self._process.poll() is None

    def stop(self):
        """Exit status after SIGTERM; None when it had to be killed."""
        if self.running():
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            status = None
        self._reader.join()
        self._process.stdout.close()
        return status


class Stack:
    """Two engines of one model, one that closes idle connections after a second, a model whose
    two engines refuse connections; an open router in front of all and one that asks for keys."""

    def __init__(self, bin_dir, work_dir):
        self._bin_dir = bin_dir
        self._work_dir = work_dir
        self._processes = []
        self._routers = []
        self._refusing = []

    def start(self):
        """What the suites have to know, as JSON."""
        engines = [self._engine(f"engine-{i}", MODEL) for i in (1, 2)]
        short = self._engine("engine-short-keep-alive", SHORT_KEEP_ALIVE_MODEL,
                             "--keep-alive-seconds", "1")
        backends = [(url, MODEL) for url in engines] + [(short, SHORT_KEEP_ALIVE_MODEL)]
        backends += [(self._refused_url(), DOWN_MODEL) for _ in range(2)]
        keys = os.path.join(self._work_dir, "api-keys")
        with open(keys, "w") as file:
            file.write(f"e2e {hashlib.sha256(API_KEY.encode()).hexdigest()}\n")
        return json.dumps({
            "router": self._router("router", backends),
            "keyed_router": self._router("router-with-keys", backends, "--api-keys-file", keys),
            "api_key": API_KEY,
            "engines": engines,
            "short_keep_alive_engine": short,
            "model": MODEL,
            "alias": ALIAS,
            "short_keep_alive_model": SHORT_KEEP_ALIVE_MODEL,
            "down_model": DOWN_MODEL,
        })

    def stop(self):
        """Ends everything; returns what a router did wrong meanwhile."""
        complaints = []
        for router in self._routers:
            alive = router.running()
            status = router.stop()
            if not alive or status != 0:
                how = "ended early" if not alive else "did not end cleanly"
                complaints.append(f"{router.name} {how} (status {status}):\n{router.log_tail()}")
        for process in self._processes:
            process.stop()
        for refusing in self._refusing:
            refusing.close()
        return complaints

    def _launch(self, name, binary, *arguments):
        command = [os.path.join(self._bin_dir, binary), *arguments]
        return Process(name, command, self._work_dir)

    def _engine(self, name, model, *flags):
        engine = self._launch(name, "fake-engine", "--port", "0", "--model", model,
                              "--record", "64", *flags)
        self._processes.append(engine)
        return engine.wait_ready(r"listening on (\S+)")

    def _refused_url(self):
        # Bound but not listening: nobody else can get the port meanwhile.
        refusing = socket.socket()
        refusing.bind(("127.0.0.1", 0))
        self._refusing.append(refusing)
        return "http://127.0.0.1:%d" % refusing.getsockname()[1]

    def _router(self, name, backends, *flags):
        router = self._launch(
            name, "vllm-router", "--host", "127.0.0.1", "--port", "0",
            "--service-discovery", "static", "--routing-logic", "roundrobin",
            "--static-backends", ",".join(url for url, _ in backends),
            "--static-models", ",".join(model for _, model in backends),
            "--static-aliases", f"{ALIAS}:{MODEL}", "--admin-address", "",
            "--drain-delay-seconds", "0", "--shutdown-grace-seconds", "2", *flags)
        self._routers.append(router)
        return router.wait_ready(r"on http://(\S+) \(")
