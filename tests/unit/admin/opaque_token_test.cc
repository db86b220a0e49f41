#include "server/admin/opaque_token.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <set>
#include <string>

namespace vllm_router::admin {
namespace {

using ::testing::AllOf;
using ::testing::Field;
using ::testing::MatchesRegex;
using Verdict = OpaqueTokens::Verdict;

class OpaqueTokensTest : public testing::Test {
 protected:
  Verdict VerdictOf(const std::string& token) const {
    return tokens_.Parse("audit", "actor=ann", token).verdict;
  }

  const OpaqueTokens tokens_;
  const std::string token_ = tokens_.Make("audit", "actor=ann", 7, 9);
};

// Of a token that says nothing, whatever is in it.
testing::Matcher<OpaqueTokens::Read> Says(Verdict verdict, uint64_t position = 0,
                                          uint64_t tie_break = 0) {
  return AllOf(Field(&OpaqueTokens::Read::verdict, verdict),
               Field(&OpaqueTokens::Read::position, position),
               Field(&OpaqueTokens::Read::tie_break, tie_break));
}

TEST_F(OpaqueTokensTest, BringBackWhatTheyWereMadeOf) {
  for (const uint64_t position : {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{256},
                                  uint64_t{1} << 32, uint64_t{0x0123456789ABCDEF}, UINT64_MAX}) {
    for (const uint64_t tie_break : {uint64_t{0}, ~position, uint64_t{0xFEDCBA9876543210}}) {
      EXPECT_THAT(tokens_.Parse("audit", "f", tokens_.Make("audit", "f", position, tie_break)),
                  Says(Verdict::kOurs, position, tie_break));
    }
  }
  EXPECT_THAT(tokens_.Parse("", "", tokens_.Make("", "", 3)), Says(Verdict::kOurs, 3));
  const std::string binary("\0\xFF\n", 3);
  EXPECT_THAT(tokens_.Parse("audit", binary, tokens_.Make("audit", binary, 3)),
              Says(Verdict::kOurs, 3));
}

TEST_F(OpaqueTokensTest, CanStandInAnUrlAndOnACommandLine) {
  // Many, for what would need escaping does not come up in every one.
  for (uint64_t position = 0; position < 100; ++position) {
    EXPECT_THAT(tokens_.Make("audit", "", position), MatchesRegex("[A-Za-z0-9_-]+"));
  }
}

TEST_F(OpaqueTokensTest, OfTheSamePlaceAreTheSame) {
  EXPECT_EQ(tokens_.Make("audit", "actor=ann", 7, 9), token_);
  EXPECT_NE(tokens_.Make("audit", "actor=ann", 7), token_);
  EXPECT_NE(tokens_.Make("audit", "actor=ann", 8, 9), token_);
}

TEST_F(OpaqueTokensTest, OfAnotherListOrQueryAreForeign) {
  EXPECT_THAT(tokens_.Parse("config", "actor=ann", token_), Says(Verdict::kForeign));
  EXPECT_THAT(tokens_.Parse("audit", "actor=bob", token_), Says(Verdict::kForeign));
  EXPECT_THAT(tokens_.Parse("audit", "", token_), Says(Verdict::kForeign));
  EXPECT_THAT(tokens_.Parse("", "actor=ann", token_), Says(Verdict::kForeign));
}

TEST_F(OpaqueTokensTest, KindAndFilterDoNotRunIntoEachOther) {
  EXPECT_THAT(tokens_.Parse("au", "ditactor=ann", token_), Says(Verdict::kForeign));
  EXPECT_THAT(tokens_.Parse("auditactor=ann", "", token_), Says(Verdict::kForeign));
  EXPECT_THAT(tokens_.Parse("", "auditactor=ann", token_), Says(Verdict::kForeign));
}

TEST_F(OpaqueTokensTest, WithAnyCharacterChangedAreNotOurs) {
  for (size_t i = 0; i < token_.size(); ++i) {
    for (char other = 1; other < 127; ++other) {
      std::string damaged = token_;
      if (damaged[i] == other) continue;
      damaged[i] = other;
      EXPECT_NE(VerdictOf(damaged), Verdict::kOurs) << "character " << i << ": " << damaged;
    }
  }
}

TEST_F(OpaqueTokensTest, HaveOneSpelling) {
  // Readers of base64 tend to look past these.
  for (const std::string& other :
       {token_ + "=", token_ + "\n", " " + token_, token_.substr(0, 9) + " " + token_.substr(9),
        token_ + std::string(1, '\0')}) {
    EXPECT_EQ(VerdictOf(other), Verdict::kForeign) << other;
  }
}

TEST_F(OpaqueTokensTest, OfOtherLengthsAreForeign) {
  for (size_t length = 0; length < token_.size(); ++length) {
    EXPECT_THAT(tokens_.Parse("audit", "actor=ann", token_.substr(0, length)),
                Says(Verdict::kForeign))
        << length;
  }
  EXPECT_EQ(VerdictOf(token_ + "A"), Verdict::kForeign);
  EXPECT_EQ(VerdictOf(token_ + "AAAA"), Verdict::kForeign);
  EXPECT_EQ(VerdictOf(token_ + token_), Verdict::kForeign);
  EXPECT_EQ(VerdictOf(std::string(1 << 20, 'A')), Verdict::kForeign);
}

TEST_F(OpaqueTokensTest, ThatAreNoTokensAreForeign) {
  for (const std::string& text :
       {std::string("?"), std::string("audit/7"), std::string(token_.size(), '!'),
        std::string(token_.size(), '\0'), std::string(token_.size(), '\xFF'),
        std::string(token_.size(), 'A'), "x" + token_.substr(1)}) {
    EXPECT_EQ(VerdictOf(text), Verdict::kForeign) << text;
  }
}

TEST_F(OpaqueTokensTest, OfAnotherProcessAreToldApartFromThoseMadeUp) {
  const OpaqueTokens other;
  EXPECT_THAT(tokens_.Parse("audit", "actor=ann", other.Make("audit", "actor=ann", 7, 9)),
              Says(Verdict::kOtherProcess));
  // What the other process signed cannot be checked here, its kind and filter included.
  EXPECT_EQ(VerdictOf(other.Make("config", "", 7)), Verdict::kOtherProcess);
  EXPECT_EQ(other.Parse("audit", "actor=ann", token_).verdict, Verdict::kOtherProcess);
}

TEST_F(OpaqueTokensTest, OfEachProcessLookDifferent) {
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) made.insert(OpaqueTokens().Make("audit", "actor=ann", 7, 9));
  EXPECT_EQ(made.size(), 100u);
}

TEST_F(OpaqueTokensTest, OfACopyAreOurs) {
  const OpaqueTokens copy = tokens_;
  EXPECT_THAT(copy.Parse("audit", "actor=ann", token_), Says(Verdict::kOurs, 7, 9));
}

}  // namespace
}  // namespace vllm_router::admin
