// tests/server/explain_test.py holds the same function to what psql prints.
#include "cli/psql_message.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::cli {
namespace {

using policy::Effect;

session::Refusal refusal(std::int32_t position) {
  session::Refusal made = session::plain_refusal("42501", "no");
  made.position = position;
  return made;
}

std::string shown(std::string_view sql, std::size_t position) {
  return psql_message(refusal(static_cast<std::int32_t>(position)), Effect::deny, sql);
}

TEST_CASE("message, place, detail and hint", "[psql_message]") {
  session::Refusal full = refusal(4);
  full.explanation.detail = "Because.";
  full.explanation.hint = "Ask.";
  CHECK(psql_message(full, Effect::deny, "abc def") ==
        "ERROR:  no\nLINE 1: abc def\n            ^\nDETAIL:  Because.\nHINT:  Ask.\n");
  full.on_deny = policy::OnDeny::terminate;
  CHECK(psql_message(full, Effect::deny, "abc def").starts_with("FATAL:  no\nLINE 1"));
  CHECK(psql_message(full, Effect::warn, "abc def") == "WARNING:  no\nDETAIL:  Because.\nHINT:  Ask.\n");
  CHECK(psql_message(refusal(-1), Effect::deny, "abc") == "ERROR:  no\n");
}

TEST_CASE("lines", "[psql_message]") {
  CHECK(shown("a\nb\nc", 2) == "ERROR:  no\nLINE 2: b\n        ^\n");
  CHECK(shown("a\r\n\r\nb", 5) == "ERROR:  no\nLINE 3: b\n        ^\n");
  CHECK(shown("a\n", 2) == "ERROR:  no\nLINE 2: \n        ^\n");
  CHECK(shown("", 0) == "ERROR:  no\nLINE 1: \n        ^\n");
}

TEST_CASE("columns and long lines", "[psql_message]") {
  CHECK(shown("\t漢x", 4) == "ERROR:  no\nLINE 1:  漢x\n           ^\n");
  const std::string sixty(60, 'a');
  CHECK(shown(sixty, 0) == "ERROR:  no\nLINE 1: " + sixty + "\n        ^\n");
  CHECK(shown(sixty + "b", 0) == "ERROR:  no\nLINE 1: " + sixty + "...\n        ^\n");
  const std::string margin(8 + 3 + 50, ' ');
  CHECK(shown(sixty + "b" + sixty, 60) == "ERROR:  no\nLINE 1: ..." + std::string(50, 'a') + "b" +
                                              std::string(9, 'a') + "...\n" + margin + "^\n");
}

}  // namespace
}  // namespace pgwarden::cli
