// A statement judged as the proxy judges it for an ordinary session: standard_conforming_strings is on, the
// text is UTF-8, and the session has not moved pg_temp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/test_file.h"
#include "policy/statement_reader.h"
#include "policy/verdict.h"
#include "proxy/session/judgement.h"

namespace pgwarden::cli {

/// Who asks, as the proxy would know it. Where nothing is said: no user, the database of the user's name, a
/// client at 127.0.0.1, the upstream to which the first listener with a route sends this database, and the
/// label that the configuration gives this user. Throws std::runtime_error when there is no route, or
/// `client` is not an address.
policy::Principal principal(const config::Sender& sender, const config::Config& config);

struct Judged {
  policy::Reading reading;
  policy::Verdict verdict;  ///< on a protected host
  bool protected_host = true;

  /// What happens: on a host that is not protected everything passes.
  policy::Effect effect() const { return protected_host ? verdict.effect : policy::Effect::allow; }
};

/// Throws std::runtime_error when `sql` is no text: not UTF-8, or with a NUL in it.
Judged judge(const policy::Policy& policy, const policy::Principal& who, std::string_view sql);

/// What the client reads, or would on a protected host; nothing when the verdict is to allow. There is no
/// record that its decision id could lead to.
std::optional<session::Refusal> refusal_of(const Judged& judged, const std::string& host);

}  // namespace pgwarden::cli
