"""See vllm_router.services.callbacks_service.custom_callbacks."""
