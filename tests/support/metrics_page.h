// A page in Prometheus' text format, sample by sample.
//
//   const MetricsPage page(body);
//   page.Sum("vllm:output_tokens_total", {{"model", "m"}});
#ifndef TESTS_SUPPORT_METRICS_PAGE_H_
#define TESTS_SUPPORT_METRICS_PAGE_H_

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vllm_router::test {

class MetricsPage {
 public:
  using Labels = std::map<std::string, std::string>;
  struct Sample {
    std::string name;
    Labels labels;
    double value = 0;

    std::string Label(const std::string& label) const {
      const auto found = labels.find(label);
      return found == labels.end() ? "" : found->second;
    }
  };

  explicit MetricsPage(std::string_view page) {
    while (!page.empty()) {
      const std::string_view line = page.substr(0, page.find('\n'));
      page.remove_prefix(std::min(page.size(), line.size() + 1));
      if (!line.empty() && line.front() != '#') samples_.push_back(Parse(line));
    }
  }

  const std::vector<Sample>& samples() const { return samples_; }
  // Of all samples of that name that have these labels.
  double Sum(std::string_view name, const Labels& wanted = {}) const {
    double sum = 0;
    for (const Sample& sample : samples_) {
      bool fits = sample.name == name;
      for (const auto& [label, value] : wanted) fits = fits && sample.Label(label) == value;
      if (fits) sum += sample.value;
    }
    return sum;
  }

 private:
  static Sample Parse(std::string_view line) {
    Sample sample;
    sample.name = line.substr(0, line.find_first_of("{ "));
    line.remove_prefix(sample.name.size());
    sample.value = std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
    if (line.front() != '{') return sample;
    line.remove_prefix(1);
    while (!line.empty() && line.front() != '}') {
      const size_t equals = line.find('=');
      const std::string label(line.substr(0, equals));
      std::string value;
      size_t at = equals + 2;  // behind the quote
      for (; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\') ++at;
        value.push_back(line[at]);
      }
      sample.labels[label] = value;
      line.remove_prefix(std::min(line.size(), at + 1));
      if (line.starts_with(',')) line.remove_prefix(1);
    }
    return sample;
  }

  std::vector<Sample> samples_;
};

}  // namespace vllm_router::test

#endif  // TESTS_SUPPORT_METRICS_PAGE_H_
