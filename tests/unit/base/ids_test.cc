#include "server/base/ids.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::base {
namespace {

using testing::MatchesRegex;

TEST(NewUuid, HasTheFormOfVersion4) {
  Rng rng(1);
  for (int i = 0; i < 100; ++i) {
    // The version is one digit; of the variant's digit two bits are fixed (RFC 9562 section 4).
    EXPECT_THAT(NewUuid(rng), MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                           "[0-9a-f]{12}"));
  }
}

TEST(NewUuid, DoesNotRepeatItself) {
  Rng rng(1);
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(NewUuid(rng));
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(NewUuid, FollowsTheSeed) {
  Rng a(7);
  Rng b(7);
  Rng c(8);
  const std::string id = NewUuid(a);
  EXPECT_EQ(NewUuid(b), id);
  EXPECT_NE(NewUuid(c), id);
}

TEST(WriteUuid, WritesItsLengthAndNoMore) {
  Rng rng(1);
  std::string buffer(kUuidLength + 2, '#');
  WriteUuid(rng, buffer.data() + 1);
  EXPECT_EQ(buffer.front(), '#');
  EXPECT_EQ(buffer.back(), '#');
  EXPECT_EQ(buffer.find('#', 1), buffer.size() - 1);
}

TEST(UuidV5, AgreesWithKnownValuesOfTheDnsNamespace) {
  // RFC 9562 appendix A.4.
  EXPECT_EQ(UuidV5("www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  // The example of Python's uuid module.
  EXPECT_EQ(UuidV5("python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
}

TEST(WriteTraceparent, HasTheFormOfTheW3cHeader) {
  Rng rng(3);
  std::string buffer(kTraceparentLength + 1, '#');
  WriteTraceparent(rng, buffer.data());
  EXPECT_EQ(buffer.back(), '#');
  buffer.pop_back();
  EXPECT_THAT(buffer, MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-00"));
}

TEST(TraceIdOf, TakesWhatTheW3cAllows) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  EXPECT_EQ(TraceIdOf("00-" + trace + "-00f067aa0ba902b7-01"), trace);
  EXPECT_EQ(TraceIdOf("cc-" + trace + "-00f067aa0ba902b7-01-what-comes-later"), trace);
  Rng rng(1);
  std::string made(kTraceparentLength, '#');
  WriteTraceparent(rng, made.data());
  EXPECT_EQ(TraceIdOf(made), made.substr(3, 32));
}

TEST(TraceIdOf, RefusesEverythingElse) {
  for (const std::string_view value :
       {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\"-00f067aa0ba902b7-01"}) {
    EXPECT_EQ(TraceIdOf(value), "") << value;
  }
}

}  // namespace
}  // namespace vllm_router::base
