// What a certificate says of itself.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "cli/doctor/report.h"

namespace pgwarden::cli::doctor {

struct Certificate {
  std::string subject;             ///< its common name
  std::vector<std::string> names;  ///< DNS names and addresses that it is for
  int days_left = 0;               ///< negative: it has expired
  std::string end;                 ///< "2026-12-07"
  bool begun = true;               ///< it is valid already
};

Certificate describe(const X509& certificate);

/// Whose it is and for how long: a certificate that does not count is a problem, or a warning where nobody
/// looks at it.
void check_validity(Report& report, const Certificate& certificate, const std::string& what,
                    Level level = Level::problem);

}  // namespace pgwarden::cli::doctor
