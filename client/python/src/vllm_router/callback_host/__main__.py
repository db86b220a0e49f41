"""The program: see --help."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import logging
import os
import sys
from typing import Callable, List, Optional

# Before gRPC is loaded: handlers start programs beside the server, and nobody reads gRPC's notes.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from vllm_router_client._address import remove_socket
from vllm_router_client.callbacks import CallbackServer

from ._fastapi import StandIns
from ._handler import Handler, LoadError, last_line, load, split
from ._process import Ending, StatusReport
from ._service import HandlerService

_log = logging.getLogger("vllm_router.callback_host")

# What the router gives running calls when it ends, and what comes after that.
_GRACE = 5.0
_CLEANING_UP = 1.0

_DESCRIPTION = """\
Serves one callback handler of the original router's kind to vllm-router.

The router starts it by itself for --callbacks module.instance. By hand, it runs beside a router:

  python3 -m vllm_router.callback_host --listen 127.0.0.1:9000 --instance my_callbacks.handler
  routerctl callbacks register legacy 127.0.0.1:9000 --hook pre-request --hook post-request \\
      --request-body full --response-body full --max-body-bytes 67108864 \\
      --over-limit deny --failure-mode fail-closed --pre-deadline 60s \\
      --post-deadline 5m --forward-header '*' --allow-credentials true
"""


def main(arguments: Optional[List[str]] = None) -> int:
    options = _parser().parse_args(arguments)
    supervised = options.status_fd is not None
    report = StatusReport(options.status_fd)
    ending = Ending(supervised, _GRACE + _CLEANING_UP)
    _set_up_output(supervised)
    StandIns.install()
    if sys.path[0] not in ("", os.getcwd()):
        sys.path.insert(0, os.getcwd())
    try:
        handler = load(options.instance)
        asyncio.run(_serve(handler, options.listen, options.threads, ending, report))
    except (LoadError, OSError) as error:
        module, attribute = split(options.instance)
        message = str(error) if isinstance(error, LoadError) else last_line(error)
        _log.error("%s", message)
        report.send(ready=False, module=module, attribute=attribute, message=message)
        return 3
    return 0


async def _serve(handler: Handler, address: str, threads: int, ending: Ending,
                 report: StatusReport) -> None:
    service = HandlerService(handler, threads)
    server = CallbackServer(service, address, grace=_GRACE, private_socket=True)
    stop = asyncio.Event()
    async with server:
        ending.serving(_stopper(stop), lambda: remove_socket(address))
        report.send(ready=True, pre_request=handler.pre_request is not None,
                    post_request=handler.post_request is not None)
        _log.info("%s serves on %s", handler.name, server.address)
        await stop.wait()
        _log.info("%s ends; running calls have %g s", handler.name, _GRACE)
    service.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m vllm_router.callback_host", description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", required=True, metavar="ADDRESS",
                        help="host:port, [ipv6]:port or unix:/path; a socket is this user's only")
    parser.add_argument("--instance", required=True, metavar="MODULE.INSTANCE",
                        help="the handler; the working directory comes first on the path")
    parser.add_argument("--threads", type=_positive, default=32, metavar="N",
                        help="of handlers that are plain functions, for each hook; default: 32")
    parser.add_argument("--status-fd", type=_descriptor, metavar="N",
                        help="for the router: where to say that calls are accepted; with it the "
                        "end of the standard input ends the host, and Ctrl-C does not")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _descriptor(text: str) -> int:
    number = int(text)
    try:
        os.fstat(number)
    except OSError:
        raise argparse.ArgumentTypeError(f"{number} is not open") from None
    return number


def _set_up_output(supervised: bool) -> None:
    logging.basicConfig(level=logging.INFO, handlers=(
        _forwarded() if supervised else [logging.StreamHandler()]),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # What handlers print comes when it is printed, and printing fails for no character.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def _forwarded() -> List[logging.Handler]:
    """The router gives lines their time, and those of stderr the level WARNING."""
    worse, rest = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stdout)
    worse.setLevel(logging.WARNING)
    worse.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    rest.addFilter(lambda record: record.levelno < logging.WARNING)
    rest.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    return [worse, rest]


def _stopper(stop: asyncio.Event) -> Callable[[], None]:
    """Sets the event of this loop, from any thread."""
    loop = asyncio.get_running_loop()

    def set_it() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(stop.set)

    return set_it


if __name__ == "__main__":
    sys.exit(main())
