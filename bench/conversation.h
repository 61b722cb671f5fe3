// A session that talks to nobody: what the client and the server say is given.
#pragma once

#include <string>
#include <vector>

#include "bench/material.h"
#include "proxy/session/session.h"

namespace pgwarden::bench {

/// What the client sends, in one piece, and what the server answers.
struct Exchange {
  std::string client;
  std::vector<std::string> server;  ///< as it is read; none: the client's only statement is denied
};

struct Transcript {
  std::string name;
  std::vector<Exchange> exchanges;
  bool known = false;  ///< its texts are to have come before
};

/// What sessions do: each protocol with all ordinary statements, long statements, a pipeline, many rows,
/// COPY, denials.
std::vector<Transcript> transcripts();

/// Does with its session what a connection does, without sockets and log.
class Conversation {
 public:
  Conversation();

  /// False when something else comes out than what came in, or, of a denial, than our own error.
  bool play(const Exchange& exchange);
  bool play(const Transcript& transcript);

  /// All texts are new to it from here on.
  void forget() { readings_ = {}; }

 private:
  std::size_t take_frontend(const std::string& bytes);
  std::size_t take_backend(const std::string& bytes);
  bool play_denial(const Exchange& exchange);

  policy::Policy policy_ = guarded();
  policy::Principal who_ = somebody();
  policy::Readings readings_;
  session::Session session_;
  session::Outgoing to_upstream_;
  session::Outgoing to_client_;
  int denied_ = 0;
};

}  // namespace pgwarden::bench
