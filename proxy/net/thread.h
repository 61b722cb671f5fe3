// A thread with a stack of a known, large size, and without signals.
#pragma once

#include <pthread.h>

#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>

namespace pgwarden::net {

/// The signals that people and service managers send. They are for the thread that runs the server.
inline sigset_t signals_to_the_process() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGCHLD})
    sigaddset(&signals, signal);
  return signals;
}

/// Runs a function on a thread of its own and joins it at destruction. PostgreSQL's parser needs more stack
/// for some texts than containers give threads by default, and its own stack check is switched off in
/// libpg_query (D12).
class Thread {
 public:
  explicit Thread(std::function<void()> body) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    const sigset_t not_here = signals_to_the_process();
    pthread_attr_setsigmask_np(&attributes, &not_here);
    auto start = std::make_unique<std::function<void()>>(std::move(body));
    const int error = pthread_create(&thread_, &attributes, &run, start.get());
    pthread_attr_destroy(&attributes);
    if (error != 0) throw std::runtime_error("cannot start a thread");
    start.release();  // NOLINT(bugprone-unused-return-value): the thread owns it
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { pthread_join(thread_, nullptr); }

 private:
  static constexpr std::size_t stack_bytes =
      64u << 20;  // address space: memory is used only as far as it is touched

  static void* run(void* argument) {
    const std::unique_ptr<std::function<void()>> body(static_cast<std::function<void()>*>(argument));
    (*body)();
    return nullptr;
  }

  pthread_t thread_{};
};

}  // namespace pgwarden::net
