// The books of a day as /metrics and the router's log have them, in the names of DayBooks.
#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "tests/integration/day_books.h"

namespace vllm_router::test {

Counts CountsOf(const MetricsPage& page) {
  Counts counts;
  for (const MetricsPage::Sample& sample : page.samples()) {
    const auto add = [&](const std::string& who, const std::string& what) {
      if (sample.value > 0) counts[who + " " + what] += static_cast<uint64_t>(sample.value);
    };
    const auto ended = [&](const std::string& who) {
      const std::string outcome = sample.Label("outcome");
      add(who, outcome == "failed" ? absl::AsciiStrToUpper(sample.Label("reason")) : outcome);
    };
    const std::string model = sample.Label("model");
    const std::string both = sample.Label("server") + " " + model;
    const std::string gen_ai = sample.Label("server") + " " + sample.Label("gen_ai_request_model");
    const std::map<std::string, std::function<void()>> families = {
        {"vllm_router_requests_total", [&] { ended("router"); }},
        {"vllm_router_clients_gone_total", [&] { add("router", "clients gone"); }},
        {"vllm_router_streams_broken_total", [&] { add("router", "broken"); }},
        // Probes and the page itself are of the others.
        {"vllm_router_answers_total",
         [&] {
           if (sample.Label("class") >= "4xx") add("router", sample.Label("class"));
         }},
        {"vllm_router_model_requests_total", [&] { ended(model); }},
        {"vllm:num_incoming_requests_total", [&] { add(model, "started"); }},
        {"vllm_router_model_request_duration_seconds_count", [&] { add(model, "latencies"); }},
        {"vllm_router_model_time_to_first_token_seconds_count",
         [&] { add(model, "first tokens"); }},
        {"vllm_router_backend_attempts_total", [&] { add(both, "started"); }},
        {"vllm_router_request_bytes_total", [&] { add(both, "bytes in"); }},
        {"vllm_router_response_bytes_total", [&] { add(both, "bytes out"); }},
        {"vllm_router_output_tokens_total",
         [&] { add(both, sample.Label("source") == "usage" ? "reported tokens" : "tokens"); }},
        {"vllm:input_tokens_total", [&] { add(both, "prompt tokens"); }},
        {"vllm:request_errors_total", [&] { add(both, "errors"); }},
        {"vllm:request_latency_seconds_count", [&] { add(both, sample.Label("status")); }},
        {"gen_ai_server_request_duration_seconds_count", [&] { add(gen_ai, "latencies"); }},
        {"gen_ai_server_time_to_first_token_seconds_count", [&] { add(gen_ai, "first tokens"); }},
        {"gen_ai_server_time_per_output_token_seconds_count", [&] { add(gen_ai, "token gaps"); }},
    };
    if (const auto family = families.find(sample.name); family != families.end()) family->second();
  }
  return counts;
}

std::string Differences(const Counts& told, const Counts& expected) {
  std::string all;
  const auto compare = [&](const Counts& names) {
    for (const auto& [name, count] : names) {
      const auto left = told.find(name);
      const auto right = expected.find(name);
      const uint64_t a = left == told.end() ? 0 : left->second;
      const uint64_t b = right == expected.end() ? 0 : right->second;
      if (a != b) absl::StrAppendFormat(&all, "%s: %d instead of %d\n", name, a, b);
    }
  };
  compare(expected);
  Counts others = told;
  for (const auto& [name, count] : expected) others.erase(name);
  compare(others);
  return all;
}

std::map<std::string, std::vector<std::string>> RoutesOf(const std::vector<std::string>& log) {
  std::map<std::string, std::vector<std::string>> routes;
  constexpr std::string_view kBegin = "Routing request ";
  for (const std::string& line : log) {
    const size_t begin = line.find(kBegin);
    if (begin == std::string::npos) continue;
    const std::string rest = line.substr(begin + kBegin.size());
    const size_t url = rest.find(" to http://") + 4;
    routes[rest.substr(0, rest.find(' '))].push_back(rest.substr(url, rest.find(' ', url) - url));
  }
  return routes;
}

}  // namespace vllm_router::test
