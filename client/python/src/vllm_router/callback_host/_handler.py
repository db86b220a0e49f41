"""Finds a handler: the object that `--callbacks module.instance` names, and its hooks."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import logging
import traceback
from types import TracebackType
from typing import Any, Callable, Optional

from ..services.callbacks_service.custom_callbacks import CustomCallbackHandler

_log = logging.getLogger("vllm_router.callback_host")

# Bounds the line that the router shows when it stops the start.
_MOST_MESSAGE_CHARACTERS = 1000


class LoadError(Exception):
    """There is no handler of this name; its text is one line."""


@dataclasses.dataclass(frozen=True)
class Handler:
    name: str
    pre_request: Optional[Callable[..., Any]]
    """None: the handler does not implement it."""
    post_request: Optional[Callable[..., Any]]


def split(name: str) -> tuple[str, str]:
    """Module and attribute: the last dot splits."""
    module, _, attribute = name.rpartition(".")
    return module, attribute


def load(name: str) -> Handler:
    """Imports the module. LoadError when it cannot be had; a traceback of the module's own is in
    the log."""
    module, attribute = split(name)
    if not module or not attribute:
        raise LoadError(f"{name!r} names no instance in a module: module.instance is meant")
    try:
        instance = getattr(importlib.import_module(module), attribute)
        hooks = [_hook(instance, hook, arguments) for hook, arguments in (
            ("pre_request", ("request", "request_body", "request_json")),
            ("post_request", ("request", "response_content")))]
    except LoadError:
        raise
    except BaseException as error:  # a module may do anything, sys.exit() too
        _log.error("%s cannot be loaded", name, exc_info=(
            type(error), error, traceback_of_users_code(error)))
        raise LoadError(last_line(error)) from error
    if isinstance(instance, type):
        raise LoadError(f"{name} is a class: an instance of it is meant, such as "
                        f"`handler = {attribute}()`")
    handler = Handler(name, *hooks)
    if handler.pre_request is None and handler.post_request is None:
        raise LoadError(f"{name}, of type {type(instance).__name__}, implements neither "
                        "pre_request nor post_request")
    return handler


def last_line(error: BaseException) -> str:
    """Of the traceback, without notes."""
    told = traceback.TracebackException.from_exception(error)
    setattr(told, "__notes__", None)  # an attribute from Python 3.11 on
    line = " ".join(list(told.format_exception_only())[-1].split())
    return line[:_MOST_MESSAGE_CHARACTERS]


def traceback_of_users_code(error: BaseException) -> Optional[TracebackType]:
    """Without the frames of this package and of the import system at its beginning."""
    frames = error.__traceback__
    while frames is not None:
        module = frames.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in ("vllm_router", "importlib", "concurrent"):
            return frames
        frames = frames.tb_next
    return error.__traceback__


def _hook(instance: Any, name: str, arguments: tuple[str, ...]) -> Optional[Callable[..., Any]]:
    """The method, unless it is the base class's."""
    function = getattr(instance, name, None)
    inherited = getattr(CustomCallbackHandler, name)
    if function is None or getattr(function, "__func__", function) is inherited:
        return None
    if not callable(function):
        raise LoadError(f"{name} is no function: {type(function).__name__}")
    if not isinstance(instance, type):
        _check_signature(function, name, arguments)
    return function  # type: ignore[no-any-return]


def _check_signature(function: Callable[..., Any], name: str, arguments: tuple[str, ...]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # what is not written in Python may have none
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise LoadError(f"{name}{signature} cannot be called with ({', '.join(arguments)}): "
                        f"{error}") from None
