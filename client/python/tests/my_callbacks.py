# my_callbacks.py

from fastapi import Request, Response

from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler


class MyCustomCallbackHandler(CustomCallbackHandler):
    def pre_request(self, request: Request, request_body: bytes, request_json: any) -> Response | None:
        """
        Receives the request object before it gets proxied.
        """
        if b"coffee" in request_body:
            return Response("I'm a teapot", 418)

    def post_request(self, request: Request, response_content: bytes) -> None:
        """
        Is executed as a background task, receives the request object
        and the complete response_content.
        """
        with open("/tmp/response.txt", "ab") as f:
            f.write(response_content)


my_callback_handler_instance = MyCustomCallbackHandler()
