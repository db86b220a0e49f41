"""What pyproject.toml cannot say: code is generated from the protos of the repository.

A source distribution carries the protos with it. Everything generated lies in the package
`vllm_router_client._gen`, under that name in protobuf's registry of files too, so that it meets
nobody else's `proto` folder. The messages keep their full names (`vllm_router.v1.Backend`).
"""

import importlib.metadata
import pathlib
import re
import shutil
import tempfile

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
GENERATED = "vllm_router_client/_gen"
PROTOS = ("router.proto", "callback.proto", "error_details.proto")


def version():
    """The router's, out of the only place where it is written. A source distribution knows its
    own."""
    file, pattern = HERE / "PKG-INFO", r"^Version: (\S+)$"
    if not file.exists():
        file, pattern = REPOSITORY / "CMakeLists.txt", r"^project\(vllm_router VERSION (\S+)"
    found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SystemExit(f"{file} does not say which version this is")
    return found.group(1)


def proto_folder():
    for folder in (HERE / "proto", REPOSITORY / "proto"):
        if (folder / PROTOS[0]).exists():
            return folder
    raise SystemExit(f"no protos in {HERE / 'proto'} or {REPOSITORY / 'proto'}: build from a "
                     "checkout of the repository or from a source distribution")


def dependencies():
    """Generated code wants a gRPC and a protobuf not older than the generator, and a protobuf at
    most one major version ahead of it."""
    grpc = importlib.metadata.version("grpcio-tools")
    needs = " ".join(importlib.metadata.requires("grpcio-tools") or ())
    protobuf = re.search(r"protobuf\b[^;]*?>=([\d.]+)", needs).group(1)
    return [
        f"grpcio>={grpc}",
        f"protobuf>={protobuf},<{int(protobuf.split('.')[0]) + 2}",
        "typing-extensions>=4.7; python_version < '3.10'",
    ]


def generate(root):
    """Writes the package `_gen` below `root`."""
    from grpc_tools import protoc

    target = pathlib.Path(root, GENERATED)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        sources = pathlib.Path(scratch, GENERATED)
        sources.mkdir(parents=True)
        for name in PROTOS:
            text = (proto_folder() / name).read_text(encoding="utf-8")
            sources.joinpath(name).write_text(
                text.replace('import "proto/', f'import "{GENERATED}/'), encoding="utf-8")
        bundled = pathlib.Path(protoc.__file__).parent / "_proto"
        status = protoc.main([
            "protoc", f"-I{scratch}", f"-I{bundled}", f"--python_out={root}", f"--pyi_out={root}",
            f"--grpc_python_out={root}", *(f"{GENERATED}/{name}" for name in PROTOS)])
        if status != 0:
            raise SystemExit(f"protoc ended with status {status}")
    (target / "__init__.py").write_text('"""Generated from the protos of vllm-router."""\n',
                                        encoding="utf-8")
    for stub in target.glob("*.pyi"):
        # The generator leaves the type of a message given as a dict open.
        text = stub.read_text(encoding="utf-8").replace("_Mapping]", "_Mapping[str, _Any]]")
        stub.write_text("from typing import Any as _Any\n" + text, encoding="utf-8")


class BuildPy(build_py):
    def run(self):
        if not self.editable_mode:
            # What an earlier build left there, of files that are no more, would be installed.
            for package in ("vllm_router", "vllm_router_client"):
                shutil.rmtree(pathlib.Path(self.build_lib, package), ignore_errors=True)
        super().run()
        generate("src" if self.editable_mode else self.build_lib)


class Sdist(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        folder = pathlib.Path(base_dir, "proto")
        folder.mkdir(exist_ok=True)
        for name in PROTOS:
            shutil.copy(proto_folder() / name, folder)


setup(version=version(), install_requires=dependencies(),
      cmdclass={"build_py": BuildPy, "sdist": Sdist})
