#include "core/memory/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace moirai {
namespace {

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, younger than the oldest headers.
constexpr unsigned kMoveOwn = 1 << 1;
constexpr unsigned long kNodeOfAddress = (1 << 0) | (1 << 1);
constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr std::size_t kChunk = 256;  // Pages a call: their addresses are on the stack.

// Read once, while the binary is loaded.
const auto page_size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

int Errno(long returned) { return returned < 0 ? errno : 0; }

char* PageAt(const void* start, std::size_t page) {
  return const_cast<char*>(static_cast<const char*>(start)) + page * PageSize();
}

// Without `node`, only asks.
int CallMovePages(const void* start, std::size_t pages, const int* node, int32_t* status) {
  void* addresses[kChunk];
  int nodes[kChunk];
  for (std::size_t done = 0; done < pages; done += kChunk) {
    const std::size_t count = pages - done < kChunk ? pages - done : kChunk;
    for (std::size_t i = 0; i < count; i++) {
      addresses[i] = PageAt(start, done + i);
      if (node != nullptr) nodes[i] = *node;
      status[done + i] = -EAGAIN;  // Stays where the kernel gave up before it came here.
    }
    const long left =
        syscall(SYS_move_pages, 0, count, addresses, node == nullptr ? nullptr : nodes,
                status + done, node == nullptr ? 0 : kMoveOwn);
    // Positive: so many could not be moved. Each has its own status.
    if (left < 0) return errno;
  }
  return 0;
}

}  // namespace

std::size_t PageSize() { return page_size; }

int PageNodes(const void* start, std::size_t pages, int32_t* status) {
  return CallMovePages(start, pages, nullptr, status);
}

int MovePages(void* start, std::size_t pages, int node, int32_t* status) {
  return CallMovePages(start, pages, &node, status);
}

int PresentPages(const void* start, std::size_t pages, int32_t* status) {
  const int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno;
  uint64_t entries[kChunk];
  const std::size_t first = reinterpret_cast<uintptr_t>(start) / PageSize();
  int error = 0;
  for (std::size_t done = 0; done < pages && error == 0; done += kChunk) {
    const std::size_t count = pages - done < kChunk ? pages - done : kChunk;
    const auto bytes = static_cast<ssize_t>(count * sizeof(uint64_t));
    const auto at = static_cast<off_t>((first + done) * sizeof(uint64_t));
    const ssize_t got = pread(file, entries, static_cast<std::size_t>(bytes), at);
    if (got != bytes) error = got < 0 ? errno : EIO;
    for (std::size_t i = 0; i < count && error == 0; i++) {
      status[done + i] = (entries[i] & kPresent) != 0 ? 0 : -ENOENT;
    }
  }
  close(file);
  return error;
}

int PageNodesByPolicy(const void* start, std::size_t pages, int32_t* status) {
  const int error = PresentPages(start, pages, status);
  if (error != 0) return error;
  for (std::size_t i = 0; i < pages; i++) {
    // The call would get a page that is not there.
    if (status[i] < 0) continue;
    int node = 0;
    if (syscall(SYS_get_mempolicy, &node, nullptr, 0, PageAt(start, i), kNodeOfAddress) < 0) {
      return errno;
    }
    status[i] = node;
  }
  return 0;
}

int Populate(void* start, std::size_t bytes) {
  int error = 0;
  do {
    error = Errno(madvise(start, bytes, kPopulateWrite));
  } while (error == EINTR);
  return error;
}

void Touch(void* start, std::size_t bytes) {
  char* const bytes_of = static_cast<char*>(start);
  for (std::size_t at = 0; at < bytes; at += PageSize()) {
    // Relaxed: other threads' writes must survive, nothing is ordered by it.
    std::atomic_ref<char>(bytes_of[at]).fetch_or(0, std::memory_order_relaxed);
  }
}

int Discard(void* start, std::size_t bytes) { return Errno(madvise(start, bytes, MADV_DONTNEED)); }

int AdviseHugePages(void* start, std::size_t bytes) {
  return Errno(madvise(start, bytes, MADV_HUGEPAGE));
}

// The raw calls: under the sanitizers those of libc do nothing, and would be tested so.
int Lock(const void* start, std::size_t bytes) { return Errno(syscall(SYS_mlock, start, bytes)); }

int Unlock(const void* start, std::size_t bytes) {
  return Errno(syscall(SYS_munlock, start, bytes));
}

}  // namespace moirai
