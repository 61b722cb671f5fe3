#include "proxy/session/pipeline.h"

#include <catch2/catch_test_macros.hpp>

using pgwarden::session::Pipeline;

namespace {

/// Plays a conversation: capitals are sent (X extended, Q query, S sync, C copy end), small letters received
/// (z ready, e error, g copy in).
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

TEST_CASE("a Query before the Sync of extended messages makes errors ambiguous") {
  CHECK_FALSE(play("XSQ").ambiguous());
  CHECK(play("XQ").ambiguous());
  CHECK(play("XQzSz").ambiguous());
}

TEST_CASE("only unsynced extended messages need the client to go on") {
  CHECK(play("").drains_by_itself());
  CHECK(play("XSQ").drains_by_itself());
  CHECK_FALSE(play("QX").drains_by_itself());
}

TEST_CASE("segments are counted through errors and copies") {
  for (const char* conversation : {"Qz", "XSz", "XSez", "XSgCSz", "XQSez"}) {
    CAPTURE(conversation);
    const Pipeline pipeline = play(conversation);
    CHECK(pipeline.sending_segment() == pipeline.answering_segment());
  }
  CHECK(play("QQQz").answering_segment() == 1);
  CHECK(play("QQQz").sending_segment() == 3);
}
