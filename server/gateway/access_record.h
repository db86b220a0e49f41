// What becomes a line of the access log, as a shard leaves it behind: the figures of an AccessEntry
// and a copy of its texts. It is rendered by whoever writes the log, many at a time: that is a
// fraction of the work that it is at the end of a request, when neither the code nor what it reads
// is in the processor's caches.
//
//   record   when | figures | format | sizes of the texts | the texts, one behind the other
//
// Records do not leave the process. Pure functions, but for the renderer, which belongs to one
// thread.
#ifndef SERVER_GATEWAY_ACCESS_RECORD_H_
#define SERVER_GATEWAY_ACCESS_RECORD_H_

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/base/line_writer.h"
#include "server/fleet/settings.h"
#include "server/gateway/access_line.h"

namespace vllm_router::gateway {

// Appends a record. `format` is not kOff.
void AppendAccessRecord(const AccessEntry& entry, fleet::AccessLogFormat format,
                        base::WallTime when, std::string* out);

class AccessRenderer final : public base::LineRenderer {
 public:
  std::string_view Render(std::string_view records, size_t enough, std::string* lines) override;
  uint64_t Count(std::string_view records) const override;

 private:
  // A second as text, rendered once for all its lines.
  std::string_view Second(fleet::AccessLogFormat format, std::time_t second);

  fleet::AccessLogFormat second_format_ = fleet::AccessLogFormat::kOff;
  std::time_t second_ = 0;
  char second_text_[32] = "";
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ACCESS_RECORD_H_
