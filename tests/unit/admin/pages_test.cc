#include "server/admin/pages.h"

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace vllm_router::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PagesTest : public testing::Test {
 protected:
  struct Cut {
    std::vector<int> items;
    std::string next;
  };
  // The page behind `token`, as an RPC cuts it.
  Cut CutAt(const std::vector<int>& list, int32_t size, const std::string& token) const {
    Cut cut;
    const auto page = pages_.Open(size, token);
    EXPECT_TRUE(page.ok());
    if (!page.ok()) return cut;
    cut.next = CutPage(pages_, *page, list, [&](int item) { cut.items.push_back(item); });
    return cut;
  }
  // Page after page to the end, each behind a 0; stops when there are more than can be.
  std::vector<int> Walk(const std::vector<int>& list, int32_t size) const {
    std::vector<int> seen;
    std::string token;
    do {
      const Cut cut = CutAt(list, size, token);
      seen.push_back(0);
      seen.insert(seen.end(), cut.items.begin(), cut.items.end());
      token = cut.next;
    } while (!token.empty() && seen.size() <= 2 * list.size() + 2);
    return seen;
  }
  // "field: description" for each, "" for a page.
  std::vector<std::string> Violations(int32_t size, const std::string& token = "") const {
    const auto page = pages_.Open(size, token);
    std::vector<std::string> lines;
    if (page.ok()) return lines;
    EXPECT_EQ(page.failure().reason, "INVALID_FIELDS");
    for (const base::Violation& violation : page.failure().violations) {
      lines.push_back(violation.field + ": " + violation.description);
    }
    return lines;
  }

  const OpaqueTokens tokens_;
  const Pages pages_{tokens_, "backends", "model=m"};
};

TEST_F(PagesTest, HoldEachEntryOnceAndInOrder) {
  EXPECT_THAT(Walk({1, 2, 3, 4, 5}, 2), ElementsAre(0, 1, 2, 0, 3, 4, 0, 5));
  EXPECT_THAT(Walk({1, 2, 3}, 1), ElementsAre(0, 1, 0, 2, 0, 3));
}

TEST_F(PagesTest, EndWithAFullOneWithoutAnEmptyOneBehindIt) {
  EXPECT_THAT(Walk({1, 2, 3, 4}, 2), ElementsAre(0, 1, 2, 0, 3, 4));
  EXPECT_THAT(Walk({1, 2}, 2), ElementsAre(0, 1, 2));
  EXPECT_THAT(Walk({1, 2}, 1000), ElementsAre(0, 1, 2));
}

TEST_F(PagesTest, OfAnEmptyListAreOneEmptyOne) {
  const Cut cut = CutAt({}, 0, "");
  EXPECT_THAT(cut.items, IsEmpty());
  EXPECT_EQ(cut.next, "");
}

TEST_F(PagesTest, MayChangeTheirSizeFromOneToTheNext) {
  const std::vector<int> list = {1, 2, 3, 4, 5, 6};
  const Cut first = CutAt(list, 1, "");
  const Cut second = CutAt(list, 3, first.next);
  EXPECT_THAT(second.items, ElementsAre(2, 3, 4));
  EXPECT_THAT(CutAt(list, 0, second.next).items, ElementsAre(5, 6));
}

TEST_F(PagesTest, EndEarlyWhenTheListHasShrunk) {
  const Cut first = CutAt({1, 2, 3, 4, 5}, 3, "");
  EXPECT_THAT(CutAt({1, 2, 3, 4}, 3, first.next).items, ElementsAre(4));
  for (const std::vector<int>& shorter : {std::vector<int>{1, 2, 3}, std::vector<int>{}}) {
    const Cut second = CutAt(shorter, 3, first.next);
    EXPECT_THAT(second.items, IsEmpty());
    EXPECT_EQ(second.next, "") << "a client would ask for ever";
  }
}

TEST_F(PagesTest, GoOnWithWhatCameBehindTheirPlace) {
  const Cut first = CutAt({1, 2}, 1, "");
  const Cut second = CutAt({1, 2, 3}, 1, first.next);
  EXPECT_THAT(second.items, ElementsAre(2));
  EXPECT_THAT(CutAt({1, 2, 3}, 1, second.next).items, ElementsAre(3));
}

TEST_F(PagesTest, AreAsLargeAsTheContractSays) {
  EXPECT_EQ(pages_.Open(0, "")->size, 100u) << "the default";
  EXPECT_EQ(pages_.Open(1, "")->size, 1u);
  EXPECT_EQ(pages_.Open(1000, "")->size, 1000u);
  EXPECT_EQ(pages_.Open(0, "")->begin, 0u);
  for (const int32_t size :
       {-1, 1001, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
    EXPECT_THAT(Violations(size),
                ElementsAre("page_size: " + std::to_string(size) + " is not allowed: 1 to 1000"));
  }
}

TEST_F(PagesTest, RefuseTokensOfOtherListsAndQueries) {
  const std::string token = pages_.TokenAt(2);
  EXPECT_THAT(Violations(0, token), IsEmpty());
  const Pages other_kind(tokens_, "callbacks", "model=m");
  const Pages other_filter(tokens_, "backends", "model=n");
  const OpaqueTokens other_process;
  const Pages before_a_restart(other_process, "backends", "model=m");
  for (const Pages* other : {&other_kind, &other_filter, &before_a_restart}) {
    EXPECT_THAT(Violations(0, other->TokenAt(2)),
                ElementsAre(HasSubstr("page_token: is not one that this router made")));
  }
}

TEST_F(PagesTest, RefuseTokensThatWereNeverMade) {
  std::string damaged = pages_.TokenAt(2);
  damaged[20] = damaged[20] == 'A' ? 'B' : 'A';
  for (const std::string& wrong :
       {std::string("2"), std::string(" "), damaged, pages_.TokenAt(2).substr(1)}) {
    EXPECT_THAT(Violations(0, wrong), ElementsAre(HasSubstr("begin with the first page"))) << wrong;
    EXPECT_THAT(Violations(0, wrong), ElementsAre(Not(HasSubstr(damaged))));
  }
}

TEST_F(PagesTest, SayEverythingThatIsWrongAtOnce) {
  EXPECT_THAT(Violations(-5, "2"),
              ElementsAre(HasSubstr("page_size: "), HasSubstr("page_token: ")));
}

TEST_F(PagesTest, HavePlacesThatAreNoIndex) {
  const auto page = pages_.Open(10, pages_.TokenAt(UINT64_MAX, 7));
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->begin, UINT64_MAX);
  EXPECT_EQ(page->tie_break, 7u);
  EXPECT_EQ(page->size, 10u);
}

TEST_F(PagesTest, TakeTheListsOfMessages) {
  google::protobuf::RepeatedPtrField<google::protobuf::Int32Value> list;
  for (int i = 1; i <= 3; ++i) list.Add()->set_value(i);
  std::vector<int> items;
  const auto add = [&](const google::protobuf::Int32Value& item) { items.push_back(item.value()); };
  const std::string next = CutPage(pages_, *pages_.Open(2, ""), list, add);
  EXPECT_EQ(CutPage(pages_, *pages_.Open(2, next), list, add), "");
  EXPECT_THAT(items, ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace vllm_router::admin
