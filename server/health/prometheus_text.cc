#include "server/health/prometheus_text.h"

#include <charconv>
#include <optional>
#include <system_error>

namespace vllm_router::health {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

bool StartsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

void SkipBlanks(std::string_view* rest) {
  size_t count = 0;
  while (count < rest->size() && IsBlank((*rest)[count])) ++count;
  rest->remove_prefix(count);
}

// Takes the first `count` bytes off.
std::string_view Take(size_t count, std::string_view* rest) {
  const std::string_view taken = rest->substr(0, count);
  rest->remove_prefix(count);
  return taken;
}

std::string_view TakeName(std::string_view* rest) {
  size_t count = 0;
  while (count < rest->size() && (StartsName((*rest)[count]) ||
                                  (count > 0 && (*rest)[count] >= '0' && (*rest)[count] <= '9')))
    ++count;
  return Take(count, rest);
}

// What stands in braces; a brace inside of quotes ends nothing.
std::optional<std::string_view> TakeLabels(std::string_view* rest) {
  bool quoted = false;
  for (size_t i = 1; i < rest->size(); ++i) {
    const char c = (*rest)[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '}') {
      return Take(i + 1, rest).substr(1, i - 1);
    }
  }
  return std::nullopt;
}

// "5", "-1.5e3", "+Inf", "NaN", up to the next blank.
std::optional<double> TakeNumber(std::string_view* rest) {
  size_t count = 0;
  while (count < rest->size() && !IsBlank((*rest)[count])) ++count;
  std::string_view text = Take(count, rest);
  // from_chars knows no plus.
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// `line` begins with a name.
std::optional<PrometheusSample> ReadSample(std::string_view line) {
  PrometheusSample sample;
  sample.name = TakeName(&line);
  if (sample.name.empty()) return std::nullopt;
  const bool apart = !line.empty() && (IsBlank(line[0]) || line[0] == '{');
  if (!apart) return std::nullopt;
  SkipBlanks(&line);
  if (line.starts_with('{')) {
    const std::optional<std::string_view> labels = TakeLabels(&line);
    if (!labels) return std::nullopt;
    sample.labels = *labels;
    SkipBlanks(&line);
  }
  const std::optional<double> value = TakeNumber(&line);
  if (!value) return std::nullopt;
  sample.value = *value;
  SkipBlanks(&line);
  const bool timestamp = !line.empty() && line[0] != '#';
  if (timestamp && !TakeNumber(&line)) return std::nullopt;
  SkipBlanks(&line);
  // An exemplar is anybody's.
  if (!line.empty() && line[0] != '#') return std::nullopt;
  return sample;
}

}  // namespace

PrometheusCounts ReadPrometheusText(std::string_view page,
                                    absl::FunctionRef<void(const PrometheusSample&)> on_sample) {
  PrometheusCounts counts;
  while (!page.empty()) {
    const size_t end = page.find('\n');
    std::string_view line = page.substr(0, end);
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    SkipBlanks(&line);
    if (line.empty() || line[0] == '#') continue;
    if (const std::optional<PrometheusSample> sample = ReadSample(line)) {
      ++counts.samples;
      on_sample(*sample);
    } else {
      ++counts.skipped;
    }
  }
  return counts;
}

}  // namespace vllm_router::health
