"""The messages and enums of the admin API (`vllm_router.v1`); proto/router.proto documents them."""

from ._gen.callback_pb2 import *  # noqa: F403
from ._gen.router_pb2 import *  # noqa: F403
