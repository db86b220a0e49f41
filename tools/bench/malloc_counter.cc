// Counts the heap calls of the process that it is preloaded into (LD_PRELOAD), in a file that
// MALLOC_COUNTER_FILE names: four 64-bit numbers, in host order: allocations, frees, bytes asked
// for, and 1 as soon as the counter is in place. The file is mapped, so that another process can
// read it at any time, and needs no help of the counted one (no signal, no thread).
//
// operator new arrives here through malloc, once. Stands on glibc's __libc_ entry points, so that
// nothing has to be looked up while the first allocations are made.
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* block);
}

namespace {

struct Counters {
  std::atomic<uint64_t> allocations;
  std::atomic<uint64_t> frees;
  std::atomic<uint64_t> bytes;
  std::atomic<uint64_t> ready;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

Counters local_counters;  // until the file is mapped, and in processes without one
std::atomic<Counters*> counters{&local_counters};

__attribute__((constructor)) void MapFile() {
  const char* path = std::getenv("MALLOC_COUNTER_FILE");
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Counters)) != 0) return;
  void* mapped = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (mapped == MAP_FAILED) return;
  auto* shared = static_cast<Counters*>(mapped);
  counters.store(shared, std::memory_order_release);
  shared->ready.store(1, std::memory_order_relaxed);
}

void CountAllocation(size_t size) {
  Counters* at = counters.load(std::memory_order_acquire);
  at->allocations.fetch_add(1, std::memory_order_relaxed);
  at->bytes.fetch_add(size, std::memory_order_relaxed);
}

void CountFree() {
  counters.load(std::memory_order_acquire)->frees.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  CountAllocation(size);
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  CountAllocation(count * size);
  return __libc_calloc(count, size);
}

void* realloc(void* old, size_t size) {
  CountAllocation(size);
  return __libc_realloc(old, size);
}

void* memalign(size_t alignment, size_t size) {
  CountAllocation(size);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** out, size_t alignment, size_t size) {
  void* block = memalign(alignment, size);
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

void free(void* block) {
  if (block != nullptr) CountFree();
  __libc_free(block);
}
}
