#include "server/net/resolver.h"

#include <netdb.h>
#include <pthread.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/base/mutex.h"
#include "server/base/rng.h"
#include "server/base/strings.h"

namespace vllm_router::net {
namespace {

// How many threads without work stay for the next name.
constexpr size_t kSpareThreads = 2;

base::TimePoint Now() { return base::Clock::Real().Now(); }

}  // namespace

absl::StatusOr<std::vector<Address>> ResolveWithSystem(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  // Without AI_ADDRCONFIG "localhost" means ::1 as well in containers that have no IPv6 at all.
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error == EAI_SYSTEM) return absl::UnavailableError(std::strerror(errno));
  if (error != 0) return absl::UnavailableError(::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    addresses.push_back(MakeAddress(info->ai_addr, info->ai_addrlen));
  }
  return addresses;
}

// What the resolver and its threads share. The waits are those of the standard library because
// absl's follow the wall clock, which may jump.
class Resolver::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(ResolverOptions options, OnChange on_change)
      : options_(std::move(options)),
        on_change_(std::move(on_change)),
        table_(options_.pace, base::Rng::FromEntropy()) {}

  void SetNames(const std::vector<HostPort>& names) {
    base::MutexLock deliver(&deliver_);
    std::vector<std::pair<HostPort, std::vector<Address>>> known;
    {
      base::MutexLock lock(&mutex_);
      table_.SetNames(names, Now());
      known = table_.AllKnown();
      if (table_.NextDue() != base::TimePoint::max()) StartThreadIfNoneWaits();
    }
    changed_.notify_all();
    for (auto& [name, addresses] : known) on_change_(name.first, name.second, std::move(addresses));
  }

  bool WaitForFirstRound(base::Duration timeout) {
    if (!AwaitFirstRound(Now() + timeout)) return false;
    // The last of its results may still be on its way out.
    base::MutexLock deliver(&deliver_);
    return true;
  }

  void Stop() {
    {
      base::MutexLock deliver(&deliver_);
      base::MutexLock lock(&mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    base::MutexLock lock(&mutex_);
    while (threads_ != resolving_) changed_.wait(mutex_);
  }

 private:
  bool AwaitFirstRound(base::TimePoint deadline) {
    base::MutexLock lock(&mutex_);
    while (!table_.FirstRoundDone()) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) {
        return table_.FirstRoundDone();
      }
    }
    return true;
  }

  // One thread always waits for the next name that falls due, as far as max_threads allows: whoever
  // takes a name may be held up by it.
  void StartThreadIfNoneWaits() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (waiting_ > 0 || threads_ >= options_.max_threads) return;
    ++threads_;
    std::thread thread([self = shared_from_this()] { self->Run(); });
    ::pthread_setname_np(thread.native_handle(), "resolver");
    thread.detach();
  }

  void Run() {
    mutex_.lock();
    while (!stopped_) {
      if (const std::optional<NameTable::Attempt> attempt = table_.TakeDue(Now())) {
        if (table_.NextDue() != base::TimePoint::max()) StartThreadIfNoneWaits();
        ++resolving_;
        mutex_.unlock();
        Deliver(*attempt, options_.resolve(attempt->name.first, attempt->name.second));
        mutex_.lock();
      } else if (waiting_ < kSpareThreads) {
        Wait();
      } else {
        break;
      }
    }
    --threads_;
    mutex_.unlock();
    changed_.notify_all();
  }

  void Wait() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++waiting_;
    const base::TimePoint due = table_.NextDue();
    if (due == base::TimePoint::max()) {
      changed_.wait(mutex_);
    } else {
      changed_.wait_until(mutex_, due);
    }
    --waiting_;
  }

  void Deliver(const NameTable::Attempt& attempt,
               const absl::StatusOr<std::vector<Address>>& found) {
    const auto& [host, port] = attempt.name;
    base::MutexLock deliver(&deliver_);
    NameTable::Effect effect;
    std::vector<Address> known;
    {
      base::MutexLock lock(&mutex_);
      --resolving_;
      if (stopped_) return;
      effect = table_.Finish(attempt, found, Now());
      known = table_.Known(attempt.name);
    }
    if (effect.began_to_fail && !options_.quiet) {
      ROUTER_LOG(kWarning, "cannot resolve %s: %s; %s", base::Printable(host),
                 found.ok() ? "it has no address" : base::StdView(found.status().message()),
                 known.empty() ? "it cannot be reached" : "what is known of it stays in use");
    }
    if (effect.recovered && !options_.quiet)
      ROUTER_LOG(kInfo, "%s resolves again", base::Printable(host));
    if (effect.changed) on_change_(host, port, std::move(known));
    changed_.notify_all();
  }

  const ResolverOptions options_;
  const OnChange on_change_;

  // Held while on_change_ runs; taken before mutex_.
  base::Mutex deliver_ ABSL_ACQUIRED_BEFORE(mutex_);

  base::Mutex mutex_;
  std::condition_variable_any changed_;
  NameTable table_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  size_t threads_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;    // of them, for a name to fall due
  size_t resolving_ ABSL_GUARDED_BY(mutex_) = 0;  // of them, inside options_.resolve
};

Resolver::Resolver(ResolverOptions options, OnChange on_change)
    : core_(std::make_shared<Core>(std::move(options), std::move(on_change))) {}

Resolver::~Resolver() { core_->Stop(); }

void Resolver::SetNames(std::vector<HostPort> names) { core_->SetNames(names); }

bool Resolver::WaitForFirstRound(base::Duration timeout) {
  return core_->WaitForFirstRound(timeout);
}

}  // namespace vllm_router::net
