"""Calls a gRPC service knowing nothing of it but its name, as grpcurl does."""

from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase)


class Client:
    def __init__(self, channel, service):
        self._channel = channel
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        self._service = pool.FindServiceByName(service)

    def call(self, method, request):
        """The answer, or the first message of a stream. grpc.RpcError when it is refused."""
        found = self._service.FindMethodByName(method)
        path = f"/{self._service.full_name}/{method}"
        kinds = dict(request_serializer=lambda message: message.SerializeToString(),
                     response_deserializer=GetMessageClass(found.output_type).FromString)
        message = json_format.ParseDict(request, GetMessageClass(found.input_type)())
        if not found.server_streaming:
            return self._channel.unary_unary(path, **kinds)(message, timeout=30)
        stream = self._channel.unary_stream(path, **kinds)(message, timeout=30)
        first = next(stream)
        stream.cancel()
        return first
