#include "tools/routerctl/table.h"

#include <sstream>

#include "gtest/gtest.h"

namespace vllm_router::routerctl {
namespace {

std::string Printed(const Table& table, size_t columns) {
  std::ostringstream out;
  table.Print(columns, out);
  return out.str();
}

TEST(Table, MeasuresItsColumns) {
  Table table({"NAME", "N"});
  table.Add({"a-long-name", "1"});
  table.Add({"b", "22"});
  EXPECT_EQ(Printed(table, 0),
            "NAME         N\n"
            "a-long-name  1\n"
            "b            22\n");
}

TEST(Table, CutsTheWidestColumnUntilALineFits) {
  Table table({"NAME", "URL"});
  table.Add({"backend", "http://engine.example:8000"});
  EXPECT_EQ(Printed(table, 20),
            "NAME     URL\n"
            "backend  http://eng…\n");
}

TEST(Table, CountsCharactersAndNotBytes) {
  Table table({"NAME", "N"});
  table.Add({"größe", "1"});
  EXPECT_EQ(Printed(table, 0), "NAME   N\ngröße  1\n");
}

TEST(Table, ShowsNoControlCharacters) {
  Table table({"NAME"});
  table.Add({"a\x1b[31m\n"});
  EXPECT_EQ(Printed(table, 0), "NAME\na?[31m?\n");
}

}  // namespace
}  // namespace vllm_router::routerctl
