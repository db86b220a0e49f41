"""What handlers written for the Python router of the vLLM production stack import, and the host
that runs them: `python3 -m vllm_router.callback_host`. New code takes vllm_router_client.callbacks.
"""
