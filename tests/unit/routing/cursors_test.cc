#include "server/routing/policies/cursors.h"

#include <memory>
#include <vector>

#include "gtest/gtest.h"

namespace vllm_router::routing {
namespace {

TEST(CursorTable, GivesEachSetItsOwnCountFromZero) {
  CursorTable table;
  EXPECT_EQ(table.Of(1)->Next(), 0u);
  EXPECT_EQ(table.Of(1)->Next(), 1u);
  EXPECT_EQ(table.Of(2)->Next(), 0u);
  EXPECT_EQ(table.Of(1)->Next(), 2u);
}

TEST(CursorTable, DisplacesTheOneThatWasAskedForLeastRecently) {
  CursorTable table;
  for (size_t set = 0; set < CursorTable::kMaxSets; ++set) table.Of(set)->Next();
  table.Of(0)->Next();
  table.Of(CursorTable::kMaxSets)->Next();
  EXPECT_EQ(table.size(), CursorTable::kMaxSets);
  EXPECT_EQ(table.Of(0)->Next(), 2u);
  EXPECT_EQ(table.Of(2)->Next(), 1u);
  EXPECT_EQ(table.Of(1)->Next(), 0u);
}

TEST(CursorTable, KeepsWhatSomebodyHolds) {
  CursorTable table;
  const std::shared_ptr<Cursor> held = table.Of(0);
  held->Next();
  for (size_t set = 1; set < 3 * CursorTable::kMaxSets; ++set) table.Of(set);
  EXPECT_EQ(table.size(), CursorTable::kMaxSets);
  EXPECT_EQ(table.Of(0), held);
}

TEST(CursorTable, StaysBoundedWhenAllAreHeld) {
  CursorTable table;
  std::vector<std::shared_ptr<Cursor>> held;
  for (size_t set = 0; set < 2 * CursorTable::kMaxSets; ++set) held.push_back(table.Of(set));
  EXPECT_EQ(table.size(), CursorTable::kMaxSets);
}

TEST(CursorTable, PeekingMovesNothing) {
  CursorTable table;
  EXPECT_EQ(table.Peek(1), 0u);
  EXPECT_EQ(table.size(), 0u);
  table.Of(1)->Next();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(table.Peek(1), 1u);
  EXPECT_EQ(table.Of(1)->Peek(), 1u);
  EXPECT_EQ(table.Of(1)->Next(), 1u);
}

}  // namespace
}  // namespace vllm_router::routing
