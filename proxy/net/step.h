// What a connection does next.
#pragma once

#include <boost/system/error_code.hpp>
#include <memory>

namespace pgwarden::net {

class Connection;

/// A step of a connection as a handler: it keeps the connection alive, and what it throws ends this one
/// alone.
struct Step {
  void operator()(boost::system::error_code error) const;

  std::shared_ptr<Connection> connection;
  void (Connection::*function)(boost::system::error_code) = nullptr;
};

}  // namespace pgwarden::net
