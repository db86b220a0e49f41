// How much the router takes on: sizes, connections, concurrent requests.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_uint64(max_request_body_bytes, 67108864, "Largest request body. Above: 413.");
DEFINE_uint64(max_header_bytes, 32768, "Largest request head. Above: 431, or 414 for the target.");
DEFINE_uint64(max_headers, 100, "Most header lines of a request. Above: 431.");
DEFINE_uint64(max_connections, 0, "Most client connections. 0 = from the limit of open files.");
DEFINE_uint64(max_concurrent_requests, 0, "Most requests at the engines at once. 0 = no limit.");
DEFINE_uint64(max_queued_requests, 0,
              "Requests that may wait for a free place above --max-concurrent-requests. 0 = none "
              "waits.");
DEFINE_double(queue_timeout_seconds, 30, "How long a request may wait in the queue. 0 = no limit.");
DEFINE_uint64(stream_buffer_bytes, 262144,
              "How much of an answer is kept for a slow client before the engine is held back.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Number("max_request_body_bytes", "BYTES", 1, 17179869184),
    Number("max_header_bytes", "BYTES", 1024, 65536),
    Number("max_headers", "N", 1, 1000),
    Number("max_connections", "N", 0, 1048576),
    Number("max_concurrent_requests", "N", 0, 1048576),
    Number("max_queued_requests", "N", 0, 1048576),
    Seconds("queue_timeout_seconds"),
    Number("stream_buffer_bytes", "BYTES", 4096, 67108864),
};

absl::Status Fill(Config* config, std::vector<std::string>* warnings) {
  fleet::Settings& settings = config->settings;
  settings.max_request_body_bytes = FLAGS_max_request_body_bytes;
  settings.max_header_bytes = FLAGS_max_header_bytes;
  settings.max_headers = FLAGS_max_headers;
  settings.max_concurrent_requests = FLAGS_max_concurrent_requests;
  settings.max_queued_requests = FLAGS_max_queued_requests;
  settings.queue_timeout = base::FromSeconds(FLAGS_queue_timeout_seconds);
  settings.stream_buffer_bytes = FLAGS_stream_buffer_bytes;
  config->max_connections = FLAGS_max_connections;
  if (FLAGS_max_queued_requests > 0 && FLAGS_max_concurrent_requests == 0) {
    warnings->push_back(
        "--max-queued-requests has no effect without --max-concurrent-requests: nothing has to "
        "wait");
  }
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& LimitFlags() {
  static constexpr FlagGroup kGroup = {"Limits and admission", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
