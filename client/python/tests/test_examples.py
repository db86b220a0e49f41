"""docs/admin-api.md: its commands, requests and programs do what the page says they do."""

import json
import os
import re
import runpy
import shlex
import subprocess
from pathlib import Path

import client_of_reflection
import grpc
import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "admin-api.md").read_text(encoding="utf-8")
# Three engines as the page has them; nobody sends a request to them here.
FLEET = ("--static-backends", "http://127.0.0.1:11,http://127.0.0.1:12,http://127.0.0.1:13",
         "--static-models", "llama,llama,llama-next")
# Stand for what only a running router can tell; with them a call is refused.
PLACEHOLDERS = re.compile(r"\b(ETAG|COMMIT|ID)\b")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(("language", "program"),
                         [("cpp", "admin_api.cc"), ("python", "admin_api.py")])
def test_the_code_on_the_page_is_that_of_the_programs(language, program):
    whole = "\n".join(lines((DOCS / "examples" / program).read_text(encoding="utf-8")))
    assert blocks(language)
    for block in blocks(language):
        assert "\n".join(lines(block)) in whole, block


def test_the_python_program_runs(start):
    connect = start(*FLEET)
    program = runpy.run_path(str(DOCS / "examples" / "admin_api.py"))
    program["main"](connect().address, "http://127.0.0.1:14")


def test_the_cpp_program_runs(start):
    binary = os.environ.get("ADMIN_API_EXAMPLE", "")
    if not binary:
        pytest.skip("ADMIN_API_EXAMPLE names no program")
    connect = start(*FLEET)
    subprocess.run([binary, connect().address, "http://127.0.0.1:14"], check=True, timeout=60)


def test_the_requests_run_by_reflection_alone(start):
    connect = start(*FLEET)
    calls = [call for block in blocks("grpcurl") for call in re.split(r"^call ", block, flags=re.M)]
    calls = [shlex.split(call) for call in calls if call]
    assert calls
    with grpc.insecure_channel(connect().address) as channel:
        router = client_of_reflection.Client(channel, "vllm_router.v1.RouterAdmin")
        for method, text in calls:
            refused = PLACEHOLDERS.search(text) is not None
            try:
                router.call(method, json.loads(text))
            except grpc.RpcError as error:
                assert refused, f"{method} {text}: {error}"
            else:
                assert not refused, f"{method} {text}"


def commands():
    """The shell commands of the page in their order; one with a here-document is one."""
    for block in blocks("sh"):
        for command in re.findall(r"^.*<<END\n(?:.*\n)*?END$|^.+$", block, re.MULTILINE):
            yield command


def test_the_commands_run(start, tmp_path):
    routerctl = Path(os.environ.get("VLLM_ROUTER_BINARY", "")).with_name("routerctl")
    if not routerctl.exists():
        pytest.skip("there is no routerctl beside the router")
    address = start(*FLEET)().address
    environment = {**os.environ, "ROUTERCTL_ADDRESS": address,
                   "PATH": f"{routerctl.parent}:{os.environ['PATH']}"}
    commit = ""
    for command in commands():
        command = command.replace("COMMIT", commit)
        if command == "routerctl top":  # needs a terminal
            continue
        if "watch" in command and "--count" not in command:
            command += " --count 1" if "config" in command else " --help"
        ended = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, timeout=60,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        commit = ([commit] + re.findall(r"config confirm (\S+)", ended.stdout))[-1]
        refused = PLACEHOLDERS.search(command) or "ftp:" in command or "base-generation" in command
        assert bool(ended.returncode) == bool(refused), f"{command}\n{ended.stdout}"
        assert ended.returncode != 2 or "ftp:" in command, f"{command}\n{ended.stdout}"
