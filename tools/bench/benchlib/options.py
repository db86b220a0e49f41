"""Command-line options that the scripts have in common."""

import os
import shutil
import sys
import tempfile

from .children import BenchError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def add_paths(parser):
    """The programs of the rig."""
    build = os.path.join(ROOT, "build", "release", "bin")
    group = parser.add_argument_group("programs")
    group.add_argument("--bin", default=build, metavar="DIR",
                       help="where our programs are (default: build/release/bin)")
    group.add_argument("--router", metavar="FILE", help="default: DIR/vllm-router")
    group.add_argument("--router-flag", dest="router_flags", action="append", default=[],
                       metavar="FLAG", help="one more argument of the router; repeatable")
    group.add_argument("--engine", metavar="FILE", help="default: DIR/fake-engine")
    group.add_argument("--engine-flag", dest="engine_flags", action="append", default=[],
                       metavar="FLAG", help="one more argument of the engine; repeatable")
    group.add_argument("--loadgen", metavar="FILE", help="default: DIR/loadgen")
    group.add_argument("--nginx", default="nginx", metavar="FILE")
    group.add_argument("--haproxy", default="haproxy", metavar="FILE")
    group.add_argument("--wrk", default="wrk", metavar="FILE")


def resolve_paths(args, proxies, tools):
    """Fills in the defaults and checks that what is needed is there."""
    args.router = args.router or os.path.join(args.bin, "vllm-router")
    args.engine = args.engine or os.path.join(args.bin, "fake-engine")
    args.loadgen = args.loadgen or os.path.join(args.bin, "loadgen")
    for name in (*proxies, *tools, "engine", "loadgen"):
        path = getattr(args, name)
        # Debian keeps nginx and haproxy out of the path of ordinary users.
        found = shutil.which(path) or shutil.which(path, path="/usr/sbin:/usr/local/sbin")
        if not found:
            raise BenchError(f"{name}: no program {path}")
        setattr(args, name, found)


class WorkDirectory:
    """A temporary directory; kept, and told of, if so wished."""

    def __init__(self, keep):
        self._keep = keep
        self._temporary = None

    def __enter__(self):
        if self._keep:
            path = tempfile.mkdtemp(prefix="router-bench-")
            print(f"configurations and logs: {path}", file=sys.stderr)
            return path
        self._temporary = tempfile.TemporaryDirectory(prefix="router-bench-")
        return self._temporary.name

    def __exit__(self, *_):
        if self._temporary:
            self._temporary.cleanup()
