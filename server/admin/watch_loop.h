// The thread on which all streams of the admin service advance: what they send next, when they say
// that nothing happened, and when they end. One thread for all of them, so that a stream's state
// needs no lock, neither gRPC's threads nor the control thread make messages, and a hundred
// watchers cost the data plane no more than a share of one thread of low priority.
//
// Watchers belong to the loop's thread. Start and Stop are for the owner; the rest is thread-safe.
#ifndef SERVER_ADMIN_WATCH_LOOP_H_
#define SERVER_ADMIN_WATCH_LOOP_H_

#include <set>
#include <thread>

#include "server/admin/config_delta.h"
#include "server/net/event_loop.h"
#include "server/net/timer_wheel.h"

namespace vllm_router::admin {

// A stream, as the loop sees it.
class Watched : public net::Timer {
 public:
  ~Watched() override = default;
  // There may be something to send.
  virtual void Advance() = 0;
  // The router ends.
  virtual void EndForShutdown() = 0;
};

class WatchLoop {
 public:
  WatchLoop() = default;
  ~WatchLoop() { Stop(); }
  WatchLoop(const WatchLoop&) = delete;
  WatchLoop& operator=(const WatchLoop&) = delete;

  void Start();
  // Joins the thread. The server has been shut down by then, so no stream is left.
  void Stop();

  void Post(net::EventLoop::Task task) { loop_.Post(std::move(task)); }
  // Something has changed: every stream looks whether it concerns it.
  void OnNews();
  // Ends all streams with SHUTTING_DOWN.
  void EndAll();

  // --- the loop's thread ---
  void Add(Watched* watched) { watched_.insert(watched); }
  void Remove(Watched* watched) { watched_.erase(watched); }
  net::TimerWheel& timers() { return loop_.timers(); }
  base::TimePoint now() const { return loop_.now(); }
  ConfigDeltas& deltas() { return deltas_; }

 private:
  net::EventLoop loop_;
  std::set<Watched*> watched_;
  ConfigDeltas deltas_;
  std::thread thread_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_WATCH_LOOP_H_
