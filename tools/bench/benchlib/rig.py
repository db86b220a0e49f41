"""The rig: a fake engine with four ports, and the proxies in front of it, ours and the peers, each
with the configuration that docs/performance.md describes. Loopback only."""

import http.client
import os
import random
import resource
import socket
import time

from . import accounting
from .children import BenchError

MODEL = "test-model"
PROXIES = ("router", "nginx", "haproxy")
LOAD_CPUS = {0}
PROXY_CPUS = {1}

# Nothing that costs the load's processor time without being measured.
_ENGINE_FLAGS = (
    "--keep-alive-seconds", "0", "--no-prefix-cache", "--discard-large-bodies",
    "--record", "0", "--record-body-bytes", "0",
)
# A stream ends where the request says (max_tokens), not at the natural end of an answer.
_STREAM_FLAGS = ("--tokens", "10000000", "--stamp-tokens", "--spread-phases")


def free_ports(count):
    """Free ports below the range from which the kernel takes its own."""
    ports, held = [], []
    while len(ports) < count:
        port = random.randrange(15000, 32000)
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.close()
            continue
        ports.append(port)
        held.append(probe)
    for probe in held:
        probe.close()
    return ports


def check_processors():
    if not LOAD_CPUS | PROXY_CPUS <= os.sched_getaffinity(0):
        raise BenchError("needs two processors: 0 for the load, 1 for the proxy")


class Server:
    """A process that listens on `port`."""

    def __init__(self, name, child, port):
        self.name = name
        self.child = child
        self.port = port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def pids(self):
        return accounting.tree(self.child.pid)


def wait_until_serving(server, limit_seconds=15):
    """Until a small chat request is answered with 200."""
    body = (
        '{"messages":[{"role":"user","content":"hi"}],"model":"%s","max_tokens":1,"stream":false}'
        % MODEL
    )
    end = time.monotonic() + limit_seconds
    last = "no answer"
    while time.monotonic() < end:
        if not server.child.alive():
            raise BenchError(f"{server.name} has ended: {server.child.log_tail()}")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        try:
            connection.request(
                "POST", "/v1/chat/completions", body, {"Content-Type": "application/json"}
            )
            last = f"status {connection.getresponse().status}"
            if last == "status 200":
                return
        except (OSError, http.client.HTTPException) as error:
            last = str(error)
        finally:
            connection.close()
        time.sleep(0.05)
    raise BenchError(f"{server.name} does not serve: {last}; {server.child.log_tail()}")


def _nginx_config(directory, port, engine_ports):
    servers = "\n".join(f"    server 127.0.0.1:{p};" for p in engine_ports)
    user = "user root root;" if os.geteuid() == 0 else ""
    temp = "\n".join(
        f"  {kind}_temp_path {directory}/temp;"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
events {{
  worker_connections 16384;
}}
http {{
{temp}
  access_log off;
  client_max_body_size 64m;
  client_body_buffer_size 2m;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  upstream engines {{
{servers}
    keepalive 4096;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://engines;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 3600s;
    }}
  }}
}}
"""


def _haproxy_config(port, engine_ports):
    servers = "\n".join(f"  server e{i} 127.0.0.1:{p}" for i, p in enumerate(engine_ports))
    connections = min(9000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] * 45 // 100)
    return f"""\
global
  nbthread 1
  maxconn {connections}
defaults
  mode http
  maxconn {connections}
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend engines
backend engines
  balance roundrobin
{servers}
"""


class Rig:
    """Starts engines and proxies of one measurement. `paths`: attributes router, engine, nginx,
    haproxy, loadgen, wrk."""

    def __init__(self, children, directory, paths):
        self.children = children
        self.directory = directory
        self.paths = paths
        self.engine = None
        self.engine_ports = []
        self.commands = {}

    def start_engine(self, itl_ms=0):
        """A new engine in place of the old one. Without `itl_ms` it answers at once."""
        self.stop_engine()
        self.engine_ports = free_ports(4)
        argv = [
            self.paths.engine,
            "--ports", ",".join(map(str, self.engine_ports)),
            "--model", MODEL,
            *_ENGINE_FLAGS,
            *self.paths.engine_flags,
        ]
        if itl_ms:
            argv += ["--itl-ms", str(itl_ms), *_STREAM_FLAGS]
        self.commands["engine"] = argv
        child = self.children.start("engine", argv, cpus=LOAD_CPUS, limit_seconds=1800)
        self.engine = Server("engine", child, self.engine_ports[0])
        for port in self.engine_ports:
            wait_until_serving(Server("engine", child, port))
        return self.engine

    def stop_engine(self):
        if self.engine:
            self.children.stop(self.engine.child)
            self.engine = None

    def start_proxy(self, name, env=None):
        """A fresh process of `name`, in front of the running engine."""
        port = free_ports(1)[0]
        argv = getattr(self, f"_{name}_command")(port)
        self.commands[name] = argv
        child = self.children.start(name, argv, cpus=PROXY_CPUS, env=env, limit_seconds=1800)
        server = Server(name, child, port)
        wait_until_serving(server)
        return server

    def stop_proxy(self, server):
        self.children.stop(server.child)

    def _router_command(self, port):
        backends = ",".join(f"http://127.0.0.1:{p}" for p in self.engine_ports)
        return [
            self.paths.router,
            "--host", "127.0.0.1",
            "--port", str(port),
            "--service-discovery", "static",
            "--static-backends", backends,
            "--static-models", ",".join([MODEL] * len(self.engine_ports)),
            "--routing-logic", "roundrobin",
            "--shards", "1",
            "--log-level", "warning",
            *self.paths.router_flags,
        ]

    def _nginx_command(self, port):
        directory = os.path.join(self.directory, f"nginx-{port}")
        os.makedirs(os.path.join(directory, "temp"))
        config = os.path.join(directory, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(_nginx_config(directory, port, self.engine_ports))
        return [self.paths.nginx, "-p", directory, "-e", f"{directory}/error.log", "-c", config]

    def _haproxy_command(self, port):
        config = os.path.join(self.directory, f"haproxy-{port}.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write(_haproxy_config(port, self.engine_ports))
        return [self.paths.haproxy, "-db", "-q", "-f", config]
