"""Runs one callback handler of the original's kind as a callback service: `python3 -m
vllm_router.callback_host`. The router starts it for `--callbacks module.instance`."""
