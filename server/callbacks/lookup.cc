#include "server/callbacks/lookup.h"

#include <grpcpp/alarm.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/mutex.h"
#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

std::atomic<int> running{0};

// Whichever comes first, the addresses or the alarm, calls `done`.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  explicit Lookup(std::function<void(Addresses)> done) : done_(std::move(done)) {}

  void Start(std::string host, uint16_t port, base::Duration patience, Resolve resolve) {
    // Not by the monotonic clock: gRPC's alarms know only the other one.
    alarm_.Set(std::chrono::system_clock::now() + patience,
               [self = shared_from_this(), host](bool fired) mutable {
                 // The alarm keeps this function as long as it lives: no reference may stay in it.
                 const std::shared_ptr<Lookup> lookup = std::move(self);
                 if (!fired) return;
                 lookup->Finish(absl::DeadlineExceededError(
                     absl::StrFormat("'%s' was not resolved in time", base::Printable(host))));
               });
    std::thread thread(
        [self = shared_from_this(), host = std::move(host), port, resolve = std::move(resolve)] {
          Addresses found = resolve(host, port);
          running.fetch_sub(1);
          if (self->Finish(std::move(found))) self->alarm_.Cancel();
        });
    ::pthread_setname_np(thread.native_handle(), "lookup");
    thread.detach();
  }

 private:
  bool Finish(Addresses found) {
    std::function<void(Addresses)> done;
    {
      base::MutexLock lock(&mutex_);
      done = std::exchange(done_, nullptr);
    }
    if (done) done(std::move(found));
    return done != nullptr;
  }

  grpc::Alarm alarm_;
  base::Mutex mutex_;
  std::function<void(Addresses)> done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

void LookUp(const std::string& host, uint16_t port, base::Duration patience, Resolve resolve,
            std::function<void(Addresses)> done) {
  if (const std::optional<net::Address> literal = net::ParseIpLiteral(host, port)) {
    done(std::vector<net::Address>{*literal});
  } else if (running.fetch_add(1) >= kMaxLookups) {
    running.fetch_sub(1);
    done(absl::ResourceExhaustedError(
        absl::StrFormat("%d names are being resolved already", kMaxLookups)));
  } else {
    std::make_shared<Lookup>(std::move(done))->Start(host, port, patience, std::move(resolve));
  }
}

}  // namespace vllm_router::callbacks
