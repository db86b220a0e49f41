#include "server/net/buffer_pool.h"

#include <cstring>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace vllm_router::net {
namespace {

TEST(BufferPool, GivesAtLeastWhatWasAskedFor) {
  BufferPool pool;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1023}, size_t{1024}, size_t{1025},
                            size_t{2048}, size_t{2049}, size_t{5} << 20}) {
    const Buffer buffer = pool.Get(size);
    ASSERT_TRUE(buffer);
    EXPECT_GE(buffer.capacity(), size);
    EXPECT_LE(buffer.capacity(), std::max(BufferPool::kSmallest, 2 * size));
    std::memset(buffer.data(), 'x', buffer.capacity());
  }
}

TEST(BufferPool, KeepsThePaddingBehindTheCapacityZero) {
  BufferPool pool;
  for (int round = 0; round < 2; ++round) {
    const Buffer buffer = pool.Get(4096);
    std::memset(buffer.data(), 'x', buffer.capacity());
    for (size_t i = 0; i < kReadPadding; ++i) {
      EXPECT_EQ(buffer.data()[buffer.capacity() + i], '\0');
    }
  }
}

TEST(BufferPool, HandsAFreedBlockToTheNextTakerOfItsSize) {
  BufferPool pool;
  Buffer buffer = pool.Get(3000);
  const char* const block = buffer.data();
  buffer.Reset();
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.capacity(), 0u);
  EXPECT_NE(pool.Get(9000).data(), block);
  EXPECT_EQ(pool.Get(4000).data(), block);
}

TEST(BufferPool, CountsWhatIsInUseAndWhatIsKept) {
  BufferPool pool;
  Buffer a = pool.Get(1000);
  Buffer b = pool.Get(3000);
  EXPECT_EQ(pool.bytes_in_use(), 1024u + 4096u);
  EXPECT_EQ(pool.bytes_kept(), 0u);
  b.Reset();
  EXPECT_EQ(pool.bytes_in_use(), 1024u);
  EXPECT_EQ(pool.bytes_kept(), 4096u);
  b = pool.Get(4096);
  EXPECT_EQ(pool.bytes_kept(), 0u);
}

TEST(BufferPool, KeepsNoMoreThanItsBound) {
  BufferPool pool(/*keep_bytes=*/10000);
  std::vector<Buffer> buffers;
  for (int i = 0; i < 8; ++i) buffers.push_back(pool.Get(4096));
  buffers.clear();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
  EXPECT_EQ(pool.bytes_kept(), 2u * 4096u);
}

TEST(Buffer, MovesItsBlockAndReleasesTheOneItHeld) {
  BufferPool pool;
  Buffer a = pool.Get(1024);
  Buffer b = pool.Get(1024);
  const char* const block = a.data();
  b = std::move(a);
  EXPECT_EQ(b.data(), block);
  EXPECT_EQ(pool.bytes_in_use(), 1024u);
  const Buffer c(std::move(b));
  EXPECT_EQ(c.data(), block);
  EXPECT_FALSE(b);  // NOLINT(bugprone-use-after-move): what is left behind is the question
  EXPECT_EQ(pool.bytes_in_use(), 1024u);
}

}  // namespace
}  // namespace vllm_router::net
