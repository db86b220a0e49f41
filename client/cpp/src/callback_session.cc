#include "client/cpp/src/callback_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cpp/src/callback_wire.h"

namespace vllm_router {
namespace {

constexpr size_t kFieldOverhead = 32;  // RFC 9113 section 6.5.2

// Not copied by nghttp2 before it is packed, which it is when the frame is sent.
nghttp2_nv Literal(std::string_view name, std::string_view value) {
  return {.name = reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          .value = reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

nghttp2_nv Copied(std::string_view name, std::string_view value) {
  nghttp2_nv field = Literal(name, value);
  field.flags = NGHTTP2_NV_FLAG_NONE;
  return field;
}

}  // namespace

CallbackSession::~CallbackSession() {
  for (auto& [stream, call] : calls_) {
    Drop(&call.in);
    Drop(&call.out);
  }
}

bool CallbackSession::Receive(std::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) return false;
  // Not before: who has given up a call by now is not waiting for it.
  for (const int32_t stream : whole_) {
    Call* call = CallOf(stream);
    if (call != nullptr && !call->answered) Run(stream, *call);
  }
  whole_.clear();
  return true;
}

bool CallbackSession::Produce(std::string* out, size_t enough) {
  while (out->size() < enough) {
    const uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
    if (size < 0) return false;
    if (size == 0) break;
    out->append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  }
  return true;
}

// Calls may be on their way that were begun before the client could know: a ping follows the
// notice, and when it is answered GOAWAY with the last call (RFC 9113 section 6.8).
void CallbackSession::Drain() { nghttp2_submit_shutdown_notice(session_.get()); }

bool CallbackSession::over() const {
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

CallbackSession::Call* CallbackSession::CallOf(int32_t stream) const {
  return static_cast<Call*>(nghttp2_session_get_stream_user_data(session_.get(), stream));
}

bool CallbackSession::Keep(size_t bytes) {
  if (bytes > shared_->max_buffered_bytes - shared_->buffered_bytes) return false;
  shared_->buffered_bytes += bytes;
  return true;
}

void CallbackSession::Drop(std::string* bytes) {
  shared_->buffered_bytes -= bytes->size();
  std::string().swap(*bytes);
}

void CallbackSession::OnBegin(int32_t stream) {
  nghttp2_session_set_stream_user_data(session_.get(), stream, &calls_[stream]);
}

void CallbackSession::OnHeader(int32_t stream, std::string_view name, std::string_view value) {
  Call* call = CallOf(stream);
  if (call == nullptr || call->begun) return;
  call->header_bytes += name.size() + value.size() + kFieldOverhead;
  if (name == ":path") {
    call->method = FindCallbackMethod(value);
  } else if (name == ":method") {
    call->is_post = value == "POST";
  } else if (name == "content-type") {
    call->is_grpc = IsGrpcProto(value);
  } else if (name == "te") {
    call->takes_trailers = value == "trailers";
  }
}

void CallbackSession::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_PING) {
    if (noticed_ && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                            nghttp2_session_get_last_proc_stream_id(session_.get()),
                            NGHTTP2_NO_ERROR, nullptr, 0);
    }
    return;
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  const int32_t stream = frame.hd.stream_id;
  Call* call = CallOf(stream);
  if (call == nullptr) return;
  if (!std::exchange(call->begun, true)) CheckHead(stream, *call);
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  call->received = true;
  whole_.push_back(stream);
}

void CallbackSession::CheckHead(int32_t stream, Call& call) {
  if (call.header_bytes > kMaxHeaderBytes) {
    Refuse(stream, call,
           absl::ResourceExhaustedError(
               absl::StrFormat("the call has more than %d bytes of headers", kMaxHeaderBytes)));
  } else if (!call.is_post) {
    RefuseHttp(stream, call, "405");
  } else if (!call.is_grpc) {
    RefuseHttp(stream, call, "415");
  } else if (!call.takes_trailers) {
    RefuseHttp(stream, call, "400");  // its proxy would lose what the call came to
  } else if (call.method == nullptr) {
    Refuse(stream, call, absl::UnimplementedError("a callback service has no such method"));
  }
}

void CallbackSession::OnData(int32_t stream, std::string_view data) {
  Call* call = CallOf(stream);
  if (call == nullptr || call->answered) return;
  if (!Keep(data.size())) {
    Refuse(stream, *call,
           absl::ResourceExhaustedError("too much waits for the callback service already"));
    return;
  }
  call->in.append(data);
  if (absl::Status status = CheckBegun(call->in, shared_->max_message_bytes); !status.ok()) {
    Refuse(stream, *call, status);
  }
}

void CallbackSession::Run(int32_t stream, Call& call) {
  absl::Status status = CheckWhole(call.in);
  if (status.ok()) {
    absl::StatusOr<std::string> answer =
        call.method(*shared_->service, std::string_view(call.in).substr(kPrefixBytes));
    if (answer.ok()) {
      Answer(stream, call, *std::move(answer));
      return;
    }
    status = answer.status();
  }
  Refuse(stream, call, status);
}

void CallbackSession::Answer(int32_t stream, Call& call, std::string answer) {
  Drop(&call.in);
  if (!Keep(answer.size())) {
    Refuse(stream, call,
           absl::ResourceExhaustedError("too many answers of the callback service wait already"));
    return;
  }
  call.answered = true;
  call.out = std::move(answer);
  const std::array<nghttp2_nv, 2> fields = {Literal(":status", "200"),
                                            Literal("content-type", "application/grpc")};
  nghttp2_data_provider provider{
      .source = {.ptr = this},
      .read_callback = [](nghttp2_session*, int32_t id, uint8_t* out, size_t size, uint32_t* flags,
                          nghttp2_data_source* source, void*) -> ssize_t {
        return static_cast<CallbackSession*>(source->ptr)->Provide(id, out, size, flags);
      }};
  nghttp2_submit_response(session_.get(), stream, fields.data(), fields.size(), &provider);
}

ssize_t CallbackSession::Provide(int32_t stream, uint8_t* out, size_t size, uint32_t* flags) {
  Call* call = CallOf(stream);
  if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const size_t bytes = std::min(size, call->out.size() - call->sent);
  std::copy_n(call->out.data() + call->sent, bytes, out);
  call->sent += bytes;
  if (call->sent == call->out.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const nghttp2_nv status = Literal("grpc-status", "0");
    nghttp2_submit_trailer(session_.get(), stream, &status, 1);
  }
  return static_cast<ssize_t>(bytes);
}

void CallbackSession::Refuse(int32_t stream, Call& call, const absl::Status& status) {
  const std::string code = absl::StrCat(static_cast<int>(status.code()));
  const std::string text = EncodeStatusText(std::string(status.message()));
  const std::array<nghttp2_nv, 5> fields = {
      Literal(":status", "200"), Literal("content-type", "application/grpc"),
      Literal("grpc-accept-encoding", "identity"), Copied("grpc-status", code),
      Copied("grpc-message", text)};
  Refuse(stream, call, fields.data(), fields.size());
}

void CallbackSession::RefuseHttp(int32_t stream, Call& call, std::string_view http_status) {
  const nghttp2_nv status = Literal(":status", http_status);
  Refuse(stream, call, &status, 1);
}

void CallbackSession::Refuse(int32_t stream, Call& call, const nghttp2_nv* fields, size_t count) {
  call.answered = true;
  Drop(&call.in);
  nghttp2_submit_response(session_.get(), stream, fields, count, nullptr);
}

void CallbackSession::OnFrameSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_GOAWAY && !std::exchange(noticed_, true)) {
    // Not together with the notice: nghttp2 would send the ping first.
    nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
    return;
  }
  // Who is answered before it has said all would say the rest to nobody.
  if (frame.hd.type != NGHTTP2_HEADERS || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  const Call* call = CallOf(frame.hd.stream_id);
  if (call == nullptr || call->received) return;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                            NGHTTP2_NO_ERROR);
}

void CallbackSession::OnClose(int32_t stream) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  Drop(&found->second.in);
  Drop(&found->second.out);
  calls_.erase(found);
}

}  // namespace vllm_router
