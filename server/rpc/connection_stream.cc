// What goes out and comes in on the streams of a connection: nghttp2's side of it.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/rpc/connection.h"
#include "server/rpc/wire.h"

namespace vllm_router::rpc {
namespace {

constexpr size_t kMaxStatusBytes = 4096;
constexpr int kMostGrpcStatus = 16;
constexpr int kGrpcUnknown = 2;

nghttp2_nv Field(std::string_view name, std::string_view value) {
  return {.name = reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          .value = reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

const nghttp2_session_callbacks* Connection::Callbacks() {
  static const nghttp2_session_callbacks* const kCallbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_header_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                 size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void* self) {
          static_cast<Connection*>(self)->OnHeader(frame->hd.stream_id, View(name, name_size),
                                                   View(value, value_size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        made, [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
                 void* self) {
          static_cast<Connection*>(self)->OnData(stream, View(data, size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        made, [](nghttp2_session*, int32_t stream, uint32_t error_code, void* self) {
          static_cast<Connection*>(self)->OnStreamClose(stream, error_code);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          static_cast<Connection*>(self)->OnFrame(*frame);
          return 0;
        });
    return made;
  }();
  return kCallbacks;
}

void Connection::Submit(Call& call) {
  const std::string timeout = TimeoutText(call.request_.deadline - call.Took(loop_.now()));
  const std::array<nghttp2_nv, 8> fields = {Field(":method", "POST"),
                                            Field(":scheme", target_.tls ? "https" : "http"),
                                            Field(":path", call.request_.path),
                                            Field(":authority", target_.authority),
                                            Field("te", "trailers"),
                                            Field("content-type", "application/grpc"),
                                            Field("user-agent", "grpc-c++-vllm-router"),
                                            Field("grpc-timeout", timeout)};
  nghttp2_data_provider provider{
      .source = {.ptr = this},
      .read_callback = [](nghttp2_session*, int32_t stream, uint8_t* out, size_t size,
                          uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
        return static_cast<Connection*>(source->ptr)->Provide(stream, out, size, flags);
      }};
  call.stream_ = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                                        &provider, &call);
  if (call.stream_ < 0) {
    Leave(call, absl::UnavailableError(absl::StrFormat("the call cannot be sent: %s",
                                                       nghttp2_strerror(call.stream_))));
  }
  SoonFlush();
}

ssize_t Connection::Provide(int32_t stream, uint8_t* out, size_t size, uint32_t* flags) {
  Call* call = CallOf(stream);
  if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const auto prefix = MessagePrefix(call->MessageBytes());
  const std::array<std::string_view, 4> pieces = {std::string_view(prefix.data(), prefix.size()),
                                                  call->request_.message, call->request_.body,
                                                  call->request_.tail};
  size_t written = 0;
  size_t begin = 0;  // of the piece
  for (const std::string_view piece : pieces) {
    const size_t at = call->sent_ - begin;
    if (at < piece.size()) {
      const size_t bytes = std::min(size - written, piece.size() - at);
      std::memcpy(out + written, piece.data() + at, bytes);
      written += bytes;
      call->sent_ += bytes;
      if (bytes < piece.size() - at) break;
    }
    begin += piece.size();
  }
  if (call->sent_ == kPrefixBytes + call->MessageBytes()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(written);
}

Call* Connection::CallOf(int32_t stream) const {
  return static_cast<Call*>(nghttp2_session_get_stream_user_data(session_.get(), stream));
}

void Connection::OnHeader(int32_t stream, std::string_view name, std::string_view value) {
  Call* call = CallOf(stream);
  if (call == nullptr) return;
  if (name == ":status") {
    call->http_status_ = std::max(0, ParseNumber(value, 999));
  } else if (name == "content-type") {
    call->is_grpc_ = value.substr(0, sizeof("application/grpc") - 1) == "application/grpc";
  } else if (name == "grpc-status") {
    const int status = ParseNumber(value, kMostGrpcStatus);
    call->grpc_status_ = status < 0 ? kGrpcUnknown : status;
  } else if (name == "grpc-message") {
    call->grpc_message_ = DecodeMessage(value.substr(0, kMaxStatusBytes));
  }
}

void Connection::OnData(int32_t stream, std::string_view data) {
  Call* call = CallOf(stream);
  if (call == nullptr || !call->end_.ok()) return;
  if (call->answer_.size() + data.size() > kPrefixBytes + call->request_.max_answer_bytes) {
    Reject(*call,
           absl::ResourceExhaustedError(absl::StrFormat(
               "the service's answer has more than %d bytes", call->request_.max_answer_bytes)));
    return;
  }
  call->answer_.append(data);
}

// Its stream closes when the reset has gone out.
void Connection::Reject(Call& call, absl::Status why) {
  call.end_ = std::move(why);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call.stream_, NGHTTP2_CANCEL);
}

void Connection::OnStreamClose(int32_t stream, uint32_t error_code) {
  Call* call = CallOf(stream);
  if (call == nullptr) return;
  if (error_code == NGHTTP2_REFUSED_STREAM && call->http_status_ == 0 &&
      !std::exchange(call->refused_, true)) {
    Detach(*call);
    absl::Status again = owner_.OnRefused(*call);
    if (again.ok()) return;
    call->place_ = running_.size();
    running_.push_back(call);
    Leave(*call, std::move(again));
    return;
  }
  absl::Status end = StatusOfReset(error_code);
  // Whoever has said how it ended may reset the stream, to stop a message that nobody reads.
  if (error_code == NGHTTP2_NO_ERROR || call->grpc_status_ >= 0) {
    end = StatusOf(call->http_status_, call->is_grpc_, call->grpc_status_, call->grpc_message_);
    if (end.ok()) end = CheckMessage(call->answer_);
  }
  Leave(*call, std::move(end));
}

void Connection::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_PING && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 && pinging_) {
    pinging_ = false;
    Timer::Cancel();
  } else if (frame.hd.type == NGHTTP2_GOAWAY && !std::exchange(closing_, true)) {
    owner_.OnClosing(*this);
  }
}

}  // namespace vllm_router::rpc
