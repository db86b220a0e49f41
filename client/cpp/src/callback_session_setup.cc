// How nghttp2 is told what a session wants, and a session what nghttp2 has seen.
#include <array>

#include "client/cpp/src/callback_session.h"

namespace vllm_router {
namespace {

constexpr uint32_t kMaxStreams = 1000;
constexpr int32_t kWindow = 1 << 20;
// Resets that a client may send at once, and in a second. It resets each call whose deadline has
// passed: a service that was slow for a moment must not lose its connections for it.
constexpr uint64_t kResetBurst = 10'000;
constexpr uint64_t kResetRate = 1'000;

std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

const nghttp2_option* SessionOptions() {
  static const nghttp2_option* const kOptions = [] {
    nghttp2_option* made = nullptr;
    nghttp2_option_new(&made);
    // It would remember streams that are over, for priorities that nobody uses.
    nghttp2_option_set_no_closed_streams(made, 1);
    nghttp2_option_set_stream_reset_rate_limit(made, kResetBurst, kResetRate);
    return made;
  }();
  return kOptions;
}

}  // namespace

const nghttp2_session_callbacks* CallbackSession::Callbacks() {
  static const nghttp2_session_callbacks* const kCallbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
            static_cast<CallbackSession*>(self)->OnBegin(frame->hd.stream_id);
          }
          return 0;
        });
    nghttp2_session_callbacks_set_on_header_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                 size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void* self) {
          static_cast<CallbackSession*>(self)->OnHeader(frame->hd.stream_id, View(name, name_size),
                                                        View(value, value_size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        made, [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
                 void* self) {
          static_cast<CallbackSession*>(self)->OnData(stream, View(data, size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          static_cast<CallbackSession*>(self)->OnFrame(*frame);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_send_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          static_cast<CallbackSession*>(self)->OnFrameSent(*frame);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        made, [](nghttp2_session*, int32_t stream, uint32_t, void* self) {
          static_cast<CallbackSession*>(self)->OnClose(stream);
          return 0;
        });
    return made;
  }();
  return kCallbacks;
}

CallbackSession::CallbackSession(CallbackShared* shared) : shared_(shared) {
  nghttp2_session* session = nullptr;
  nghttp2_session_server_new2(&session, Callbacks(), this, SessionOptions());
  session_.reset(session);
  const std::array<nghttp2_settings_entry, 3> settings = {
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderBytes}}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kWindow);
}

}  // namespace vllm_router
