// What every callback service needs and none cares about: a gRPC server on one completion queue and
// one thread, which is the cheapest way to answer small calls, and a clean end on SIGTERM.
//
//   class Guard final : public CallbackService {
//     v1::PreRequestResponse PreRequest(const v1::PreRequestRequest& call) override { ... }
//   };
//   int main() { Guard guard; return Serve("unix:/run/vllm-router/guard.sock", &guard); }
#ifndef DOCS_EXAMPLES_CALLBACKS_CPP_CALLBACK_SERVER_H_
#define DOCS_EXAMPLES_CALLBACKS_CPP_CALLBACK_SERVER_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "proto/callback.grpc.pb.h"

namespace v1 = vllm_router::v1;

// Both functions run on one thread, one call after the other: they need no locks and must not wait.
// For a service that waits (for a database, for another server), gRPC's synchronous API with its
// thread for each call is the better choice.
class CallbackService {
 public:
  virtual ~CallbackService() = default;
  // An empty response lets the request go on as it is.
  virtual v1::PreRequestResponse PreRequest(const v1::PreRequestRequest& /*call*/) { return {}; }
  virtual v1::PostRequestResponse PostRequest(const v1::PostRequestRequest& /*call*/) { return {}; }
};

// The calls that have come and those that are waited for.
class CallQueue {
 public:
  CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue,
            v1::RouterCallback::AsyncService* rpc, CallbackService* service)
      : queue_(std::move(queue)), rpc_(rpc), service_(service) {}

  // Answers calls until End().
  void Run() {
    new CallOf<v1::PreRequestRequest, v1::PreRequestResponse>(this, &Rpc::RequestPreRequest,
                                                              &CallbackService::PreRequest);
    new CallOf<v1::PostRequestRequest, v1::PostRequestResponse>(this, &Rpc::RequestPostRequest,
                                                                &CallbackService::PostRequest);
    void* tag = nullptr;
    for (bool ok = false; queue_->Next(&tag, &ok);) {
      if (tag == this) {
        ending_ = true;
        queue_->Shutdown();
      } else {
        static_cast<Call*>(tag)->Continue(ok);
      }
    }
  }
  // From another thread, when the server takes no more calls.
  void End() { end_.Set(queue_.get(), std::chrono::system_clock::now(), this); }

 private:
  using Rpc = v1::RouterCallback::AsyncService;

  class Call {
   public:
    virtual ~Call() = default;
    // What gRPC was asked for has happened, or (`ok` false) will not.
    virtual void Continue(bool ok) = 0;
  };

  // Waits for one call, puts another of its kind in its place, answers and deletes itself.
  template <typename Request, typename Response>
  class CallOf final : public Call {
   public:
    using Writer = grpc::ServerAsyncResponseWriter<Response>;
    using Await = void (Rpc::*)(grpc::ServerContext*, Request*, Writer*, grpc::CompletionQueue*,
                                grpc::ServerCompletionQueue*, void*);
    using Answer = Response (CallbackService::*)(const Request&);

    CallOf(CallQueue* calls, Await await, Answer answer)
        : calls_(calls), await_(await), answer_(answer), writer_(&context_) {
      grpc::ServerCompletionQueue* queue = calls->queue_.get();
      (calls->rpc_->*await_)(&context_, &request_, &writer_, queue, queue, this);
    }
    void Continue(bool ok) override {
      if (!ok || answered_) {
        delete this;
        return;
      }
      if (!calls_->ending_) new CallOf(calls_, await_, answer_);
      answered_ = true;
      writer_.Finish((calls_->service_->*answer_)(request_), grpc::Status::OK, this);
    }

   private:
    CallQueue* calls_;
    Await await_;
    Answer answer_;
    grpc::ServerContext context_;
    Request request_;
    Writer writer_;
    bool answered_ = false;
  };

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  Rpc* rpc_;
  CallbackService* service_;
  grpc::Alarm end_;
  bool ending_ = false;
};

// Serves on `address` ("unix:/path" or "host:port") until SIGTERM or SIGINT, then answers what has
// begun. Returns the exit status of the program. Call it from the main thread, before any other.
inline int Serve(const std::string& address, CallbackService* service) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // in gRPC's threads, too: sigwait() takes them

  v1::RouterCallback::AsyncService rpc;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);  // the registration's max_body_bytes is what bounds calls
  builder.RegisterService(&rpc);
  CallQueue calls(builder.AddCompletionQueue(), &rpc, service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::cerr << "cannot listen on " << address << std::endl;
    return 1;
  }
  std::thread thread([&] { calls.Run(); });
  std::cerr << "listens on " << address << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
  calls.End();
  thread.join();
  return 0;
}

#endif  // DOCS_EXAMPLES_CALLBACKS_CPP_CALLBACK_SERVER_H_
