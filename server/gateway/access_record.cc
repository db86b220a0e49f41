#include "server/gateway/access_record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <type_traits>

#include "server/base/strings.h"

namespace vllm_router::gateway {
namespace {

// Of each text; more than any line shows of it.
constexpr size_t kMaxKept = 1024;
static_assert(kMaxKept > kMaxPathShown && kMaxKept > kMaxModelShown);

constexpr auto kTexts = std::to_array<std::string_view AccessEntry::*>(
    {&AccessEntry::client, &AccessEntry::method, &AccessEntry::path, &AccessEntry::request_id,
     &AccessEntry::model, &AccessEntry::backend, &AccessEntry::key, &AccessEntry::trace_id});

struct Head {
  base::WallTime when;
  AccessFigures figures;
  fleet::AccessLogFormat format;
  std::array<uint16_t, kTexts.size()> sizes;
};
static_assert(std::is_trivially_copyable_v<Head>);

// Takes the first record off the front, but for its texts.
Head TakeHead(std::string_view* records) {
  Head head;
  std::memcpy(static_cast<void*>(&head), records->data(), sizeof(head));
  records->remove_prefix(sizeof(head));
  return head;
}

}  // namespace

void AppendAccessRecord(const AccessEntry& entry, fleet::AccessLogFormat format,
                        base::WallTime when, std::string* out) {
  Head head{.when = when, .figures = entry.figures, .format = format, .sizes = {}};
  size_t size = sizeof(head);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    head.sizes[i] = static_cast<uint16_t>(std::min((entry.*kTexts[i]).size(), kMaxKept));
    size += head.sizes[i];
  }
  const size_t begin = out->size();
  out->resize(begin + size);
  char* at = out->data() + begin;
  std::memcpy(at, static_cast<const void*>(&head), sizeof(head));
  at += sizeof(head);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    at = std::copy_n((entry.*kTexts[i]).data(), head.sizes[i], at);
  }
}

std::string_view AccessRenderer::Render(std::string_view records, size_t enough,
                                        std::string* lines) {
  while (!records.empty() && lines->size() < enough) {
    const Head head = TakeHead(&records);
    AccessEntry entry{.figures = head.figures};
    const char* at = records.data();
    for (size_t i = 0; i < kTexts.size(); ++i) {
      entry.*kTexts[i] = {at, head.sizes[i]};
      at += head.sizes[i];
    }
    const std::string_view texts(records.data(), at);
    records.remove_prefix(texts.size());
    const int64_t ns = head.when.time_since_epoch().count();
    AppendAccessLine(entry, head.format,
                     {.second = Second(head.format, ns / 1'000'000'000),
                      .milliseconds = static_cast<uint32_t>(ns / 1'000'000 % 1000)},
                     base::IsPlain(texts), lines);
  }
  return records;
}

uint64_t AccessRenderer::Count(std::string_view records) const {
  uint64_t count = 0;
  for (; !records.empty(); ++count) {
    const Head head = TakeHead(&records);
    records.remove_prefix(std::accumulate(head.sizes.begin(), head.sizes.end(), size_t{0}));
  }
  return count;
}

std::string_view AccessRenderer::Second(fleet::AccessLogFormat format, std::time_t second) {
  if (second != second_ || format != second_format_) {
    std::tm time{};
    if (format == fleet::AccessLogFormat::kJson) {
      gmtime_r(&second, &time);
      std::strftime(second_text_, sizeof(second_text_), "%Y-%m-%dT%H:%M:%S", &time);
    } else {
      localtime_r(&second, &time);
      std::strftime(second_text_, sizeof(second_text_), "%Y-%m-%d %H:%M:%S", &time);
    }
    second_ = second;
    second_format_ = format;
  }
  return second_text_;
}

}  // namespace vllm_router::gateway
