#include "proxy/session/pipeline.h"

#include <catch2/catch_test_macros.hpp>

using pgwarden::session::Pipeline;

namespace {

/// Plays a conversation: capitals are sent (X extended, Q query, S sync, D copy data, C copy end), small
/// letters received (z ready, e error, g copy in).
Pipeline play(const char* conversation) {
  Pipeline pipeline;
  for (const char* step = conversation; *step != '\0'; ++step) {
    switch (*step) {
      case 'X':
        pipeline.sent_extended();
        break;
      case 'Q':
        pipeline.sent_query();
        break;
      case 'S':
        pipeline.sent_sync();
        break;
      case 'D':
        pipeline.sent_copy_data();
        break;
      case 'C':
        pipeline.sent_copy_end();
        break;
      case 'z':
        pipeline.received_ready();
        break;
      case 'e':
        pipeline.received_error();
        break;
      case 'g':
        pipeline.received_copy_in();
        break;
      default:
        FAIL("not a step");
    }
  }
  return pipeline;
}

}  // namespace

TEST_CASE("a pipeline has drained when every segment was answered") {
  for (const char* drained : {"", "Qz", "XSz", "XXXSz", "QQzz", "XSXSQzzz", "Qez", "XeSz", "XSez", "XSXSezz",
                              "QgCz", "XSgCSz", "XgCSz", "XSgeSz", "QgeCz", "XQzSz", "XSeQzz"}) {
    CAPTURE(drained);
    CHECK(play(drained).drained());
  }
  for (const char* owed : {"Q", "X", "XS", "QQz", "XSXSz", "XSX", "Qe", "XSe", "Qg", "XSgCS"}) {
    CAPTURE(owed);
    CHECK_FALSE(play(owed).drained());
  }
}

TEST_CASE("after an extended error queries up to the Sync are not answered") {
  CHECK(play("XQSez").drained());
  CHECK(play("XeQSz").drained());
  CHECK_FALSE(play("XSQez").drained());
}

TEST_CASE("what no driver does makes the count ambiguous, for good") {
  for (const char* ordinary :
       {"XSQ", "XSgCSz", "XgCSz", "QgCz", "QgCQ", "QDCQgz", "XSDCSg", "XSgDCSz", "XDCSg"}) {
    CAPTURE(ordinary);
    CHECK_FALSE(play(ordinary).ambiguous());
  }
  // A Query before the Sync of extended messages; a Sync or statements amid copy data, seen before and after
  // the server said that it reads copy data.
  for (const char* unusual :
       {"XQ", "XQzSz", "QgS", "XSgS", "QDSQg", "QSQg", "QQg", "XSSg", "XDSCSg", "XSQg"}) {
    CAPTURE(unusual);
    CHECK(play(unusual).ambiguous());
  }
}

TEST_CASE("the client has to go on when extended messages lack their Sync or the server reads copy data") {
  for (const char* by_itself : {"", "XSQ", "Q", "QgC"}) {
    CAPTURE(by_itself);
    CHECK(play(by_itself).drains_by_itself());
  }
  for (const char* with_help : {"QX", "Qg", "XSg", "XQ"}) {
    CAPTURE(with_help);
    CHECK_FALSE(play(with_help).drains_by_itself());
  }
}

TEST_CASE("a flood of messages that are never answered does not take memory without end") {
  Pipeline pipeline;
  pipeline.sent_extended();
  for (int i = 0; i < 200'000; ++i) pipeline.sent_copy_end();
  CHECK(pipeline.ambiguous());
}
