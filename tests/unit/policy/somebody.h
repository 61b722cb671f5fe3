// Who asks, in tests where that matters little.
#pragma once

#include "policy/policy.h"

namespace pgwarden::policy {

inline Principal somebody() {
  Principal who;
  who.user = "app";
  who.label = "service";
  who.certificates = {"app.example.com", "www.example.com"};
  who.database = "shop";
  who.application_name = "psql";
  who.host = "db.example.com";
  who.address = *parse_address("10.1.2.3");
  return who;
}

}  // namespace pgwarden::policy
