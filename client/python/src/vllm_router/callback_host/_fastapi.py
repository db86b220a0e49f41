"""`import fastapi` where it is not installed: as much of it as most handlers import."""

from __future__ import annotations

import http
import importlib
import importlib.abc
import importlib.machinery
import logging
import sys
import types
from typing import Any, Dict, Optional, Sequence

from .. import _http

_log = logging.getLogger("vllm_router.callback_host")

_REQUESTS = {"Request": _http.Request}
_RESPONSES = {"Response": _http.Response, "JSONResponse": _http.JSONResponse,
              "PlainTextResponse": _http.PlainTextResponse}
_EXCEPTIONS = {"HTTPException": _http.HTTPException}
_STATUS = {f"HTTP_{status.value}_{status.name}": status.value for status in http.HTTPStatus}
_MODULES: Dict[str, Dict[str, Any]] = {
    "fastapi": {"Request": _http.Request, "Response": _http.Response, **_EXCEPTIONS,
                "status": types.SimpleNamespace(**_STATUS)},
    **{f"{package}.{name}": content for package in ("fastapi", "starlette") for name, content in (
        ("requests", _REQUESTS), ("responses", _RESPONSES), ("exceptions", _EXCEPTIONS),
        ("status", _STATUS))},
    "starlette": {},
}


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last in `sys.meta_path`: asked for what nobody else has found."""

    @classmethod
    def install(cls) -> None:
        sys.meta_path.append(cls())

    def find_spec(self, fullname: str, path: Optional[Sequence[str]],
                  target: Optional[types.ModuleType] = None
                  ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname not in _MODULES:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=__file__,
                                              is_package="." not in fullname)

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        package = name.partition(".")[0]
        if name == package:
            _log.info("%s is not installed: its Request, Response and HTTPException are the "
                      "callback host's", package)

        def missing(attribute: str) -> Any:
            if f"{name}.{attribute}" in _MODULES:
                return importlib.import_module(f"{name}.{attribute}")
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            raise ImportError(f"{name}.{attribute} needs {package}, which is not installed",
                              name=package)

        module.__dict__.update(_MODULES[name], __getattr__=missing)
