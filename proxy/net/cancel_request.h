// Passing on the wish to cancel what a server process is doing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <string>

#include "proxy/net/upstream.h"

namespace pgwarden::net {

/// Sends a CancelRequest with this key (process id and secret) over a connection of its own, to where the
/// session is and encrypted as it is, and returns when the server has closed it: then the signal is sent. To
/// each host of the upstream when nobody knows where the session is. Gives up after ten seconds; errors are
/// nobody's business. On the thread of `context`.
boost::asio::awaitable<void> send_cancel(boost::asio::io_context& context, Target target, std::string key);

}  // namespace pgwarden::net
