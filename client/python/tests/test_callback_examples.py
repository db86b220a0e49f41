"""docs/callbacks-python.md and its examples: they do what they say, and a router takes their
commands."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from calling_router import CallingRouter, Served, facts

from vllm_router.callback_host.__main__ import _DESCRIPTION as DESCRIPTION
from vllm_router_client import callbacks, v1

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[2] / "docs"
PAGE = (DOCS / "callbacks-python.md").read_text(encoding="utf-8")
README = (HERE.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = DOCS / "examples" / "callbacks" / "python"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.fixture
def example(tmp_path):
    """Starts a program of that name and returns a router that calls it."""
    started = []

    def start(name, *arguments):
        address = f"unix:{tmp_path}/{name}.sock"
        process = subprocess.Popen([sys.executable, str(EXAMPLES / f"{name}.py"), "--listen",
                                    address, *map(str, arguments)])
        router = CallingRouter(address, options=[("grpc.max_reconnect_backoff_ms", 100)])
        started.append((process, router))
        return router

    yield start
    for process, router in started:
        router.close()
        process.terminate()
        assert process.wait(30) == 0


def test_api_key_check(example, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(f"acme {hashlib.sha256(b'sk-1').hexdigest()}\n\n")
    router = example("api_key_check", "--keys", keys)
    changes = router.pre(headers=[("authorization", "Bearer sk-1")]).proceed
    assert [(v1.HeaderMutation.Action.Name(m.action), m.name, m.value)
            for m in changes.header_mutations] == [
        ("ACTION_REMOVE", "authorization", b""), ("ACTION_SET", "x-tenant", b"acme")]
    for wrong in ("Bearer sk-2", "Basic sk-1", "sk-1", "Bearer", "", "Bearer \xff"):
        answer = router.pre(headers=[("authorization", wrong)]).answer
        assert answer.status == 401 and b"invalid_api_key" in answer.body
    assert router.pre(headers=[("x-tenant", "acme")]).answer.status == 401


def test_prompt_guard(example, tmp_path):
    patterns = tmp_path / "patterns"
    patterns.write_text("AKIA[0-9A-Z]{16}\n")
    router = example("prompt_guard", "--patterns", patterns)

    def says(text):
        return json.dumps({"messages": [{"role": "user", "content": [
            {"type": "text", "text": text}]}]}).encode()

    assert router.pre(says("hello")) == v1.PreRequestResponse()
    secret = "my key is AKIA" + "A" * 16
    refused = [says(secret), says(secret).replace(b"A", b"\\u0041"), b"\x1f\x8b compressed",
               {"data": says("hello"), "total_bytes": 9999, "truncated": True},
               {"total_bytes": 9999}]
    for body in refused:
        answer = router.pre(body).answer
        assert answer.status == 400 and b"content_policy_violation" in answer.body


def test_usage_billing(example, tmp_path):
    file = tmp_path / "usage.jsonl"
    router = example("usage_billing", "--file", file)
    asked = facts(headers=[("x-tenant", "acme")], resolved_model="llama")
    router.post(request=asked, attempts=1, tokens={"input": 9, "output": 4})
    router.post(request=asked, attempts=2, tokens={"output": 2},
                cause=v1.REQUEST_CAUSE_CLIENT_ABORTED)
    router.post(request=asked, cause=v1.REQUEST_CAUSE_CALLBACK_ANSWERED)
    whole, aborted = map(json.loads, file.read_text().splitlines())
    assert (whole["tenant"], whole["model"]) == ("acme", "llama")
    assert (whole["input"], whole["cached_input"], whole["output"]) == (9, None, 4)
    assert (aborted["input"], aborted["output"]) == (None, 2)
    assert aborted["cause"] == "REQUEST_CAUSE_CLIENT_ABORTED"


def commands(text):
    """Those that register a callback."""
    return re.findall(r"^ *(routerctl callbacks register .*)$", text.replace("\\\n", ""),
                      re.MULTILINE)


@pytest.mark.parametrize("text, number", [
    *((path.read_text(encoding="utf-8"), 1) for path in sorted(EXAMPLES.glob("*.py"))),
    (PAGE, 2), (README, 1), (DESCRIPTION, 1)], ids=[*NAMES, "page", "readme", "help"])
def test_a_router_takes_the_commands(start, text, number):
    routerctl = Path(os.environ.get("VLLM_ROUTER_BINARY", "")).with_name("routerctl")
    if not routerctl.exists():
        pytest.skip("there is no routerctl beside the router")
    environment = {**os.environ, "ROUTERCTL_ADDRESS": start()().address,
                   "PATH": f"{routerctl.parent}:{os.environ['PATH']}"}
    found = commands(text)
    assert len(found) == number
    for command in found:
        ended = subprocess.run(command, shell=True, env=environment, timeout=60, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert ended.returncode == 0, ended.stdout


def services_of(text, monkeypatch):
    """What the blocks of code with `serve` give to it."""
    served = []
    monkeypatch.setattr(callbacks, "serve", lambda service, address: served.append(service))
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if "serve(" in block:
            exec(block, {})
    return served


@pytest.mark.parametrize("text", [PAGE, README], ids=["page", "readme"])
def test_the_services_on_the_pages_run(monkeypatch, capsys, text):
    [service] = services_of(text, monkeypatch)
    served = Served(service)
    router = CallingRouter(served.address)
    assert router.pre().answer.status == 401
    assert router.pre(headers=[("x-tenant", "blue")]) == v1.PreRequestResponse()
    router.post(tokens={"output": 4})
    router.close()
    served.stop()
    assert capsys.readouterr().out.startswith("r-1 200 4")


@pytest.mark.skipif(sys.version_info < (3, 10), reason="its annotations need Python 3.10")
def test_the_handler_on_the_page_is_the_originals():
    def code(text):
        return [line for line in text.splitlines() if line.strip()]

    original = re.sub(r'^ +"""\n(.*\n)*? +"""\n', "", (HERE / "my_callbacks.py").read_text(),
                      flags=re.MULTILINE)
    assert code(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)) == code(original)


def test_the_types_are_strict(tmp_path):
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, sorted(EXAMPLES.glob("*.py")))],
        cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
