// What a client's first TLS message says of its size.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "proxy/net/socket.h"

namespace pgwarden::net {

/// Waits for the head of a client's first TLS message and leaves it in the socket. False when it is none, or
/// when the message is to be larger than any client makes it (16 KiB): OpenSSL provides memory for as much as
/// the head says, up to 128 KiB, before anything else has come.
asio::awaitable<bool> client_hello_is_plausible(Socket& socket);

}  // namespace pgwarden::net
