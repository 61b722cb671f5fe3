// What `pgwarden explain --format json` prints.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "cli/judged.h"

namespace pgwarden::cli {

/// Verdict, facts with their answers, and the client's message. Offsets are in bytes, the message's position
/// in characters from 1, as in an ErrorResponse.
boost::json::object to_json(const Judged& judged, const policy::Policy& policy, const policy::Principal& who,
                            std::string_view sql);

}  // namespace pgwarden::cli
