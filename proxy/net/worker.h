// One I/O thread and what its sessions share.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <list>
#include <memory>
#include <set>

#include "config/config.h"
#include "policy/readings.h"
#include "proxy/audit/log.h"
#include "proxy/net/admission.h"
#include "proxy/net/cancel_keys.h"
#include "proxy/net/cancel_slots.h"
#include "proxy/net/denial_pace.h"
#include "proxy/net/derived_keys.h"
#include "proxy/net/guard.h"
#include "proxy/net/login_failures.h"
#include "proxy/net/ring.h"
#include "proxy/net/tls.h"

namespace pgwarden::net {

class Connection;

/// What all workers share. Outlives them.
struct Shared {
  const audit::Log& log;
  CancelKeys& cancel_keys;
  CancelsUnderWay& cancels;
  Admission& admission;
  LoginFailures& login_failures;
  Guard& guard;
  DerivedKeys& derived_keys;
  boost::asio::io_context& parsers;  ///< for what takes too long between two reads
  std::size_t worker_count;
};

/// An io_context that one thread runs, and the connections that live on it. Everything but `context` is
/// touched only on that thread.
struct Worker {
  Worker(Shared shared_parts, std::shared_ptr<const config::Config> first,
         std::shared_ptr<const TlsContexts> first_tls)
      : shared(shared_parts), config(std::move(first)), tls(std::move(first_tls)) {}

  Shared shared;
  std::shared_ptr<const config::Config> config;  ///< replaced on reload, and with it
  std::shared_ptr<const TlsContexts> tls;        ///< what it says of TLS
  std::set<Connection*> connections;
  bool draining = false;  ///< its connections end as soon as no transaction is running
  DenialPace denial_pace;
  policy::Readings readings;
  std::list<Connection*> pending;      ///< those that have not said what they want; the oldest first
  std::size_t handlers_due = 0;        ///< see due()
  boost::asio::io_context context{1};  // behind these: what it destroys takes itself off the lists
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::unique_ptr<Ring> ring;  ///< nullptr: `context` alone moves the bytes

  /// As long as one is kept, a handler or coroutine of `context` does not want to wait for the ring.
  struct NotDue {
    void operator()(std::size_t* count) const noexcept { --*count; }
  };
  using Due = std::unique_ptr<std::size_t, NotDue>;
  Due due() {
    ++handlers_due;
    return Due(&handlers_due);
  }
};

}  // namespace pgwarden::net
