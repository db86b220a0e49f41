"""A RouterAdmin in this process that answers as a test tells it to, and says what it was asked."""

import threading
from concurrent import futures

import grpc

from vllm_router_client import v1
from vllm_router_client._address import grpc_target
from vllm_router_client._gen import error_details_pb2, router_pb2

SERVICE = router_pb2.DESCRIPTOR.services_by_name["RouterAdmin"]
REQUESTS = {method.name: getattr(v1, method.input_type.name) for method in SERVICE.methods}
STREAMS = {method.name for method in SERVICE.methods if method.server_streaming}


class Refusal(Exception):
    """What a router refuses a call with."""

    def __init__(self, code, reason="", metadata=None, violations=(), retry_delay=None,
                 message="no"):
        super().__init__(message)
        self.code = code
        self.message = message
        status = error_details_pb2.Status(code=code.value[0], message=message)
        if reason:
            self._add(status, "ErrorInfo", error_details_pb2.ErrorInfo(
                reason=reason, domain="vllm-router", metadata=metadata or {}))
        if violations:
            self._add(status, "BadRequest", error_details_pb2.BadRequest(
                field_violations=[{"field": f, "description": d} for f, d in violations]))
        if retry_delay is not None:
            self._add(status, "RetryInfo", error_details_pb2.RetryInfo(retry_delay=retry_delay))
        self.details = status.SerializeToString() if status.details else b""

    @staticmethod
    def _add(status, kind, message):
        status.details.add(type_url=f"type.googleapis.com/google.rpc.{kind}",
                           value=message.SerializeToString())

    def abort(self, context):
        if self.details:
            context.set_trailing_metadata((("grpc-status-details-bin", self.details),))
        context.abort(self.code, self.message)


UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE)


class Hang:
    """Never answers: until the caller gives up."""


HANG = Hang()


class Call:
    def __init__(self, rpc, request, context):
        self.rpc = rpc
        self.request = request
        self.metadata = dict(context.invocation_metadata())
        self.time_remaining = context.time_remaining()
        self.ended = threading.Event()
        context.add_callback(self.ended.set)


class FakeRouter(grpc.GenericRpcHandler):
    """`answers[rpc]` is a list with one entry per call: a message, a Refusal, HANG, or for a stream
    a list of those, where the end of the list ends the stream. The last entry holds for all later
    calls."""

    def __init__(self, address="127.0.0.1:0", credentials=None):
        self.answers = {}
        self.calls = []
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((self,))
        if credentials is None:
            port = self._server.add_insecure_port(grpc_target(address))
        else:
            port = self._server.add_secure_port(grpc_target(address), credentials)
        self.port = port
        self.address = address if address.startswith("unix:") else f"127.0.0.1:{port}"
        self._server.start()

    def stop(self):
        self._server.stop(None).wait()

    def requests(self, rpc):
        with self._lock:
            return [call.request for call in self.calls if call.rpc == rpc]

    def wait_for_call(self, rpc, number=1):
        """The call of that number, once it has arrived."""
        def calls():
            return [call for call in self.calls if call.rpc == rpc]

        with self._arrived:
            assert self._arrived.wait_for(lambda: len(calls()) >= number, 30), f"no call of {rpc}"
            return calls()[number - 1]

    def service(self, details):
        rpc = details.method.rpartition("/")[2]
        if details.method != f"/{SERVICE.full_name}/{rpc}" or rpc not in self.answers:
            return None
        make = (grpc.unary_stream_rpc_method_handler if rpc in STREAMS
                else grpc.unary_unary_rpc_method_handler)
        answer = self._stream if rpc in STREAMS else self._unary
        return make(lambda request, context: answer(rpc, request, context),
                    request_deserializer=REQUESTS[rpc].FromString,
                    response_serializer=lambda message: message.SerializeToString())

    def _take(self, rpc, request, context):
        call = Call(rpc, request, context)
        with self._arrived:
            self.calls.append(call)
            answers = self.answers[rpc]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self._arrived.notify_all()
        return call, answer

    def _give(self, call, answer, context):
        if isinstance(answer, Refusal):
            answer.abort(context)
        if answer is HANG:
            call.ended.wait()
            context.abort(grpc.StatusCode.CANCELLED, "the caller has gone")
        return answer

    def _unary(self, rpc, request, context):
        call, answer = self._take(rpc, request, context)
        return self._give(call, answer, context)

    def _stream(self, rpc, request, context):
        call, answers = self._take(rpc, request, context)
        for answer in answers:
            yield self._give(call, answer, context)
