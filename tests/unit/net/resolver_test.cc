#include "server/net/resolver.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"

namespace vllm_router::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::Pair;

// A name server in the test's hands. Shared with the resolver's threads, which may outlive it.
class FakeDns {
 public:
  void Set(const std::string& host, const std::vector<std::string>& ips) {
    base::MutexLock lock(&mutex_);
    answers_[host] = ips;
  }
  void Silence(const std::string& host) {
    base::MutexLock lock(&mutex_);
    silent_.insert(host);
  }
  void EndSilence() {
    base::MutexLock lock(&mutex_);
    silent_.clear();
    changed_.notify_all();
  }

  absl::StatusOr<std::vector<Address>> Resolve(const std::string& host, uint16_t port) {
    base::MutexLock lock(&mutex_);
    ++questions_[host];
    most_running_ = std::max(most_running_, ++running_);
    changed_.notify_all();
    while (silent_.count(host) > 0) changed_.wait(mutex_);
    --running_;
    const auto found = answers_.find(host);
    if (found == answers_.end()) return absl::UnavailableError("no such name");
    std::vector<Address> addresses;
    for (const std::string& ip : found->second) addresses.push_back(*ParseIpLiteral(ip, port));
    return addresses;
  }

  // Waits until `host` was asked for `times` times.
  bool AwaitQuestions(const std::string& host, int times) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    base::MutexLock lock(&mutex_);
    while (questions_[host] < times) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
    }
    return true;
  }
  bool AwaitRunning(int count) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    base::MutexLock lock(&mutex_);
    while (running_ < count) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
    }
    return true;
  }
  int most_running() {
    base::MutexLock lock(&mutex_);
    return most_running_;
  }

 private:
  base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::vector<std::string>> answers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> silent_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> questions_ ABSL_GUARDED_BY(mutex_);
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_running_ ABSL_GUARDED_BY(mutex_) = 0;
};

using Change = std::pair<std::string, std::vector<std::string>>;  // host, addresses

class Changes {
 public:
  Resolver::OnChange Sink() {
    return [this](const std::string& host, uint16_t, std::vector<Address> addresses) {
      std::vector<std::string> texts;
      for (const Address& address : addresses) texts.push_back(ToString(address));
      base::MutexLock lock(&mutex_);
      all_.emplace_back(host, texts);
      changed_.notify_all();
    };
  }
  std::vector<Change> all() {
    base::MutexLock lock(&mutex_);
    return all_;
  }
  bool Await(const Change& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    base::MutexLock lock(&mutex_);
    while (std::find(all_.begin(), all_.end(), wanted) == all_.end()) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
    }
    return true;
  }

 private:
  base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Change> all_ ABSL_GUARDED_BY(mutex_);
};

class ResolverTest : public testing::Test {
 protected:
  ~ResolverTest() override { dns_->EndSilence(); }

  std::unique_ptr<Resolver> Make(ResolvePace pace = {}, size_t max_threads = 16) {
    return std::make_unique<Resolver>(
        ResolverOptions{
            .pace = pace,
            .max_threads = max_threads,
            .resolve = [dns = dns_](const std::string& host,
                                    uint16_t port) { return dns->Resolve(host, port); }},
        changes_.Sink());
  }

  std::shared_ptr<FakeDns> dns_ = std::make_shared<FakeDns>();
  Changes changes_;
};

TEST_F(ResolverTest, HandsOverWhatNamesResolveToInTheOrderGiven) {
  dns_->Set("engine", {"10.0.0.2", "10.0.0.1", "fd00::1"});
  const auto resolver = Make();
  resolver->SetNames({{"engine", 8000}});
  ASSERT_TRUE(resolver->WaitForFirstRound(seconds(10)));
  EXPECT_THAT(changes_.all(),
              ElementsAre(Change{"engine", {"10.0.0.2:8000", "10.0.0.1:8000", "[fd00::1]:8000"}}));
}

TEST_F(ResolverTest, HandsOverLiteralsBeforeSetNamesReturns) {
  const auto resolver = Make();
  resolver->SetNames({{"127.0.0.1", 8000}});
  EXPECT_THAT(changes_.all(), ElementsAre(Change{"127.0.0.1", {"127.0.0.1:8000"}}));
  EXPECT_TRUE(resolver->WaitForFirstRound(seconds(0)));
}

TEST_F(ResolverTest, RepeatsWhatIsKnownWhenNamesAreDeclaredAnew) {
  dns_->Set("engine", {"10.0.0.1"});
  const auto resolver = Make();
  resolver->SetNames({{"engine", 8000}});
  ASSERT_TRUE(resolver->WaitForFirstRound(seconds(10)));
  resolver->SetNames({{"engine", 8000}, {"unknown", 8000}});
  const Change change{"engine", {"10.0.0.1:8000"}};
  EXPECT_THAT(changes_.all(), ElementsAre(change, change));
}

TEST_F(ResolverTest, IsNotHeldUpByASilentNameServer) {
  dns_->Set("engine", {"10.0.0.1"});
  std::vector<HostPort> names = {{"engine", 8000}};
  for (int i = 0; i < 5; ++i) {
    names.emplace_back("silent-" + std::to_string(i), 8000);
    dns_->Silence(names.back().first);
  }
  const auto resolver = Make();
  resolver->SetNames(names);
  EXPECT_TRUE(changes_.Await({"engine", {"10.0.0.1:8000"}}));
  EXPECT_FALSE(resolver->WaitForFirstRound(milliseconds(1)));
  // A name that is wanted while all of them hang gets a thread as well.
  dns_->Set("later", {"10.0.0.2"});
  names.emplace_back("later", 8000);
  resolver->SetNames(names);
  EXPECT_TRUE(changes_.Await({"later", {"10.0.0.2:8000"}}));
}

TEST_F(ResolverTest, RefreshesNamesWhileOthersHang) {
  dns_->Set("engine", {"10.0.0.1"});
  dns_->Silence("silent");
  const auto resolver = Make({.refresh = milliseconds(1)});
  resolver->SetNames({{"engine", 8000}, {"silent", 8000}});
  ASSERT_TRUE(changes_.Await({"engine", {"10.0.0.1:8000"}}));
  dns_->Set("engine", {"10.0.0.7"});
  EXPECT_TRUE(changes_.Await({"engine", {"10.0.0.7:8000"}}));
}

TEST_F(ResolverTest, AsksForNoMoreNamesAtOnceThanAllowed) {
  std::vector<HostPort> names;
  for (int i = 0; i < 20; ++i) {
    names.emplace_back("silent-" + std::to_string(i), 8000);
    dns_->Silence(names.back().first);
  }
  const auto resolver = Make({}, /*max_threads=*/2);
  resolver->SetNames(names);
  ASSERT_TRUE(dns_->AwaitRunning(2));
  dns_->EndSilence();
  EXPECT_TRUE(resolver->WaitForFirstRound(seconds(10)));
  EXPECT_EQ(dns_->most_running(), 2);
}

TEST_F(ResolverTest, AsksAgainAfterFailuresAndKeepsTheLastGoodSet) {
  dns_->Set("engine", {"10.0.0.1"});
  const auto resolver = Make({.refresh = milliseconds(1),
                              .first_retry = milliseconds(1),
                              .longest_retry = milliseconds(1)});
  resolver->SetNames({{"engine", 8000}});
  ASSERT_TRUE(changes_.Await({"engine", {"10.0.0.1:8000"}}));
  dns_->Set("engine", {});
  ASSERT_TRUE(dns_->AwaitQuestions("engine", 10));
  dns_->Set("engine", {"10.0.0.2"});
  EXPECT_TRUE(changes_.Await({"engine", {"10.0.0.2:8000"}}));
  EXPECT_EQ(changes_.all().size(), 2u) << "failures are no changes";
}

TEST_F(ResolverTest, WritesOneWarningWhenANameBeginsToFailAndOneLineWhenItIsBack) {
  const ResolvePace fast = {
      .refresh = milliseconds(1), .first_retry = milliseconds(1), .longest_retry = milliseconds(1)};
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  {
    const auto resolver = Make(fast);
    resolver->SetNames({{"engine", 8000}});
    EXPECT_TRUE(dns_->AwaitQuestions("engine", 5));
    dns_->Set("engine", {"10.0.0.1"});
    EXPECT_TRUE(changes_.Await({"engine", {"10.0.0.1:8000"}}));
  }
  const std::string warnings = testing::internal::GetCapturedStderr();
  const std::string infos = testing::internal::GetCapturedStdout();
  const std::string warning = "cannot resolve engine: no such name; it cannot be reached";
  const size_t first = warnings.find(warning);
  ASSERT_NE(first, std::string::npos) << warnings;
  EXPECT_EQ(warnings.find("cannot resolve", first + 1), std::string::npos) << warnings;
  EXPECT_NE(infos.find("INFO: engine resolves again"), std::string::npos) << infos;
}

TEST_F(ResolverTest, WritesNothingWhenItIsQuiet) {
  testing::internal::CaptureStderr();
  {
    Resolver resolver(
        {.resolve = [](const std::string&, uint16_t) -> absl::StatusOr<std::vector<Address>> {
           return absl::UnavailableError("no such name");
         },
         .quiet = true},
        changes_.Sink());
    resolver.SetNames({{"engine", 8000}});
    EXPECT_TRUE(resolver.WaitForFirstRound(seconds(10)));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(ResolverTest, SaysNothingOfANameThatIsNoLongerWanted) {
  dns_->Set("gone", {"10.0.0.1"});
  dns_->Silence("gone");
  const auto resolver = Make();
  resolver->SetNames({{"gone", 8000}});
  ASSERT_TRUE(dns_->AwaitQuestions("gone", 1));
  resolver->SetNames({});
  dns_->Set("engine", {"10.0.0.2"});
  dns_->EndSilence();
  resolver->SetNames({{"engine", 8000}});
  ASSERT_TRUE(resolver->WaitForFirstRound(seconds(10)));
  EXPECT_THAT(changes_.all(), ElementsAre(Change{"engine", {"10.0.0.2:8000"}}));
}

TEST_F(ResolverTest, EndsWhileNameServersAreSilentAndSaysNothingAfterwards) {
  dns_->Set("silent", {"10.0.0.1"});
  dns_->Silence("silent");
  auto resolver = Make();
  resolver->SetNames({{"silent", 8000}});
  ASSERT_TRUE(dns_->AwaitQuestions("silent", 1));
  resolver.reset();
  dns_->EndSilence();
  EXPECT_TRUE(changes_.all().empty());
}

TEST(ResolveWithSystem, FindsLocalhostAndRefusesWhatCannotExist) {
  const absl::StatusOr<std::vector<Address>> found = ResolveWithSystem("localhost", 8123);
  ASSERT_TRUE(found.ok()) << found.status();
  std::vector<std::string> texts;
  for (const Address& address : *found) texts.push_back(ToString(address));
  EXPECT_THAT(texts, Contains(testing::AnyOf("127.0.0.1:8123", "[::1]:8123")));
  // RFC 6761 section 6.4: "invalid" never resolves.
  EXPECT_FALSE(ResolveWithSystem("engine.invalid", 8123).ok());
}

}  // namespace
}  // namespace vllm_router::net
