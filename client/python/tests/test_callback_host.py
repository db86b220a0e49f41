"""The callback host by its contract with the router: pipes, signals, the socket, exit codes."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import textwrap

import grpc
import pytest
from calling_router import CallingRouter
from hosting import Host

from vllm_router.callback_host._handler import LoadError, load
from vllm_router_client import v1

PRE_ONLY = """
    class Handler:
        def pre_request(self, request, request_body, request_json):
            pass

    handler = Handler()
"""

BOTH = """
    from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler

    class Handler(CustomCallbackHandler):
        def pre_request(self, request, request_body, request_json):
            pass

        async def post_request(self, request, response_content):
            pass

    handler = Handler()
"""

POST_ONLY = """
    from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler

    class Handler(CustomCallbackHandler):
        def post_request(self, request, response_content):
            print("got", response_content.decode())

    handler = Handler()
"""


@pytest.mark.parametrize("source, pre, post", [
    (PRE_ONLY, True, False), (POST_ONLY, False, True), (BOTH, True, True)])
def test_it_says_which_hooks_there_are(host, source, pre, post):
    assert host(source).status() == {"ready": True, "pre_request": pre, "post_request": post}


def test_it_accepts_calls_when_it_is_ready(host):
    started = host(PRE_ONLY)
    started.ready()
    mode = started.socket.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) & 0o077 == 0
    assert started.router.pre() == v1.PreRequestResponse()


def test_a_hook_that_is_not_there_changes_nothing(host):
    started = host(POST_ONLY)
    started.ready()
    assert started.router.pre() == v1.PreRequestResponse()
    started.router.post(b"an answer")
    started.log.wait_for("got an answer")


@pytest.mark.parametrize("source, instance, message", [
    ("import nowhere", "handlers.handler", "ModuleNotFoundError: No module named 'nowhere'"),
    ("import sys; sys.exit(7)", "handlers.handler", "SystemExit: 7"),
    ("x = 1", "handler", "'handler' names no instance in a module: module.instance is meant")])
def test_what_cannot_be_loaded_is_told(host, source, instance, message):
    started = host(source, instance)
    module, _, attribute = instance.rpartition(".")
    assert started.status() == {
        "ready": False, "module": module, "attribute": attribute, "message": message}
    assert started.wait() == 3
    assert message in started.log.whole()


@pytest.mark.parametrize("source, name, message", [
    ("x = 1", "handlers.handler", "AttributeError: module 'handlers' has no attribute 'handler'"),
    ("x = 1", "no.such.handler", "ModuleNotFoundError: No module named 'no'"),
    ("x = 1", "handlers.", "'handlers.' names no instance in a module"),
    ("def f(:", "handlers.handler", "SyntaxError: "),
    ("raise ValueError('two\\nlines')", "handlers.handler", "ValueError: two lines"),
    ("raise ValueError('a' * 2000)", "handlers.handler", "ValueError: aaaa"),
    ("handler = 7", "handlers.handler",
     "handlers.handler, of type int, implements neither pre_request nor post_request"),
    ("class handler:\n  def pre_request(self, a, b, c): pass", "handlers.handler",
     "handlers.handler is a class: an instance of it is meant"),
    ("class handler: pre_request = 7\nhandler = handler()", "handlers.handler",
     "pre_request is no function: int"),
    ("class H:\n  def pre_request(self, request): pass\nhandler = H()", "handlers.handler",
     "pre_request(request) cannot be called with (request, request_body, request_json)"),
    ("class H:\n  @property\n  def pre_request(self): raise KeyError('a')\nhandler = H()",
     "handlers.handler", "KeyError: 'a'"),
    ("from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler\n"
     "handler = CustomCallbackHandler()", "handlers.handler",
     "handlers.handler, of type CustomCallbackHandler, implements neither"),
], ids=range(12))
def test_what_is_no_handler(monkeypatch, tmp_path, source, name, message):
    (tmp_path / "handlers.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "handlers", raising=False)
    with pytest.raises(LoadError) as failed:
        load(name)
    monkeypatch.delitem(sys.modules, "handlers", raising=False)
    assert str(failed.value).startswith(message)
    assert len(str(failed.value)) <= 1000 and "\n" not in str(failed.value)


def test_the_whole_traceback_is_in_the_log_from_the_users_code_on(host):
    started = host("def f():\n  import nowhere\nf()")
    started.wait()
    log = started.log.whole()
    assert "Traceback (most recent call last):" in log
    assert 'handlers.py", line 3, in <module>' in log and "in f" in log
    assert "importlib" not in log and "_handler.py" not in log


def test_an_address_that_cannot_be_had_is_told(host, tmp_path):
    tmp_path.joinpath("host.sock").mkdir()
    started = host(PRE_ONLY)
    status = started.status()
    assert not status["ready"] and "OSError: cannot listen on unix:" in status["message"]
    assert started.wait() == 3


def test_a_stale_socket_is_replaced(host, tmp_path):
    os.mknod(tmp_path / "host.sock", stat.S_IFSOCK | 0o600)
    started = host(PRE_ONLY)
    started.ready()
    assert started.router.pre() == v1.PreRequestResponse()


def test_modules_in_packages_and_the_working_directory_before_others(host, tmp_path):
    package = tmp_path / "callbacks" / "of_ours"
    package.mkdir(parents=True)
    package.joinpath("keys.py").write_text("import handlers\nhandler = handlers.handler\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.joinpath("handlers.py").write_text("raise RuntimeError('the wrong one')\n")
    host(PRE_ONLY, "callbacks.of_ours.keys.handler", environment={
        "PYTHONPATH": f"{elsewhere}:{tmp_path / 'hiding'}", "PYTHONSAFEPATH": ""}).ready()


def test_sigterm_ends_it_in_order(host):
    started = host(PRE_ONLY)
    started.ready()
    started.router.pre()
    assert started.stop() == 0
    assert not started.socket.exists()


def test_the_end_of_its_standard_input_ends_it(host):
    started = host(PRE_ONLY)
    started.ready()
    started.close_stdin()
    assert started.wait() == 0
    assert not started.socket.exists()


@pytest.mark.parametrize("how", ["sigterm", "stdin"])
def test_it_can_be_ended_while_the_module_is_imported(host, how):
    started = host("import threading; print('importing'); threading.Event().wait()")
    started.log.wait_for("importing")
    if how == "stdin":
        started.close_stdin()
    else:
        started.signal(signal.SIGTERM)
    assert started.wait() == 0
    assert started.status() is None


def test_ctrl_c_is_the_routers(host):
    started = host(PRE_ONLY)
    started.ready()
    started.signal(signal.SIGINT)
    assert started.router.pre() == v1.PreRequestResponse()


def test_a_handler_that_takes_the_signals_does_not_keep_them(host):
    started = host("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                   + "class H:\n  def pre_request(self, a, b, c): pass\nhandler = H()")
    started.ready()
    assert started.stop() == 0


WAITING = """
    import asyncio, threading

    class Handler:
        {kind} pre_request(self, request, request_body, request_json):
            print("entered")
            {wait}
            return None

    handler = Handler()
"""


def test_running_calls_may_end(host, tmp_path):
    os.mkfifo(tmp_path / "go")
    started = host(WAITING.format(kind="def", wait="open('go').read()"))
    started.ready()
    call = started.router.start_pre()
    started.log.wait_for("entered")
    started.signal(signal.SIGTERM)
    started.log.wait_for("handlers.handler ends")
    (tmp_path / "go").write_text("")
    assert call.result() == v1.PreRequestResponse()
    assert started.wait() == 0


def test_what_hangs_does_not_keep_it(tmp_path):
    hanging = {"thread": ("def", "threading.Event().wait()"),
               "coroutine": ("async def", "await asyncio.Event().wait()"),
               "blocked": ("async def", "threading.Event().wait()")}
    with contextlib.ExitStack() as ends:
        hosts, calls = [], []
        for name, (kind, wait) in hanging.items():
            folder = tmp_path / name
            folder.mkdir()
            source = textwrap.dedent(WAITING.format(kind=kind, wait=wait))
            (folder / "handlers.py").write_text(source)
            started = Host(folder, "handlers.handler")
            ends.callback(started.end)
            started.ready()
            hosts.append(started)
            calls.append(started.router.start_pre())
            started.log.wait_for("entered")
        for started in hosts:
            started.signal(signal.SIGTERM)
        for started, call in zip(hosts, calls):
            assert started.wait() == 0
            assert not started.socket.exists()
            with pytest.raises(grpc.RpcError):
                call.result()


def test_prints_come_at_once_and_its_pipes_are_not_handed_on(host):
    started = host("""
        import subprocess, sys

        class Handler:
            def pre_request(self, request, request_body, request_json):
                print("printed \\udcff", sys.stdin.read() == "")
                self.child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL)
                print("child", self.child.pid)

        handler = Handler()
    """)
    started.ready()  # reads to the end of the status pipe
    started.router.pre()
    started.log.wait_for("printed \\udcff True")
    started.log.wait_for("child")
    started.signal(signal.SIGTERM)  # of the group, so the child ends, too
    assert started.wait() == 0


@pytest.mark.parametrize("arguments, error", [
    ([], "--listen"), (["--threads", "0"], "at least 1"), (["--threads", "a"], "--threads"),
    (["--status-fd", "999"], "999 is not open")])
def test_wrong_usage_is_exit_status_2(arguments, error):
    ended = subprocess.run([sys.executable, "-m", "vllm_router.callback_host", *arguments],
                           text=True, capture_output=True)
    assert ended.returncode == 2 and error in ended.stderr


def test_help_shows_how_it_is_run_by_hand():
    ended = subprocess.run([sys.executable, "-m", "vllm_router.callback_host", "--help"], text=True,
                           capture_output=True, check=True)
    assert "routerctl callbacks register" in ended.stdout


def test_by_hand_it_listens_on_a_port_and_ends_with_ctrl_c(tmp_path):
    tmp_path.joinpath("handlers.py").write_text(
        "class H:\n  def pre_request(self, a, b, c): pass\nhandler = H()")
    process = subprocess.Popen(
        [sys.executable, "-m", "vllm_router.callback_host", "--listen", "127.0.0.1:0",
         "--instance", "handlers.handler", "--threads", "1"], cwd=tmp_path,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        address = process.stderr.readline().rpartition(" on ")[2].strip()
        router = CallingRouter(address)
        assert router.pre() == v1.PreRequestResponse()
        router.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
