#include "core/memory/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

// Younger than the oldest headers this is built with.
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif

namespace moirai {
namespace {

constexpr unsigned kCloseOnExec = 1;
constexpr unsigned kAllowSealing = 2;
constexpr unsigned kNoExecSeal = 8;  // Linux 6.3; some systems refuse files without it.
constexpr long kTmpfs = 0x01021994;
constexpr mode_t kOwnerOnly = 0600;

int MakeMemfd() {
  constexpr unsigned kFlags = kCloseOnExec | kAllowSealing;
  const long file = syscall(SYS_memfd_create, "moirai", kFlags | kNoExecSeal);
  if (file >= 0 || errno != EINVAL) return static_cast<int>(file);
  return static_cast<int>(syscall(SYS_memfd_create, "moirai", kFlags));
}

// The function statx is in musl since 1.2.5 only, fstat in glibc since 2.33.
long Status(int file, const char* path, int flags, unsigned wanted, struct statx* status) {
  return syscall(SYS_statx, file, path, flags, wanted, status);
}

int Finish(int file, std::size_t bytes, bool seal) {
  // A memfd is born open to all, a file in a directory subject to the umask.
  if (fchmod(file, kOwnerOnly) != 0) return errno;
  if (ftruncate(file, static_cast<off_t>(bytes)) != 0) return errno;
  if (seal && fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return errno;
  return 0;
}

}  // namespace

RegionMapping::RegionMapping(void* start, std::size_t bytes, int file)
    : start_(start), bytes_(bytes), file_(file) {}

RegionMapping::~RegionMapping() {
  CloseFile();
  munmap(start_, bytes_);
}

void RegionMapping::CloseFile() {
  const int file = file_.exchange(-1, std::memory_order_relaxed);
  if (file >= 0) close(file);
}

int CreateRegionFile(const char* directory, std::size_t bytes, int* file) {
  *file = directory == nullptr ? MakeMemfd()
                               : open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, kOwnerOnly);
  if (*file < 0) return errno;
  const int error = Finish(*file, bytes, directory == nullptr);
  if (error != 0) close(*file);
  return error;
}

int ReserveRegion(int file, std::size_t bytes) {
  int error = 0;
  do {
    // A signal undoes it, and it begins again.
    error = fallocate(file, 0, 0, static_cast<off_t>(bytes)) < 0 ? errno : 0;
  } while (error == EINTR);
  return error;
}

int PublishRegion(int file, const char* path) {
  // linkat with an empty path would need CAP_DAC_READ_SEARCH.
  char link[32];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0 ? errno : 0;
}

int OpenRegionFile(const char* path, int* file) {
  // Whatever lies there under that name, it is neither followed nor waited for.
  *file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  return *file < 0 ? errno : 0;
}

int ReopenRegionFile(int file, int* again) {
  char link[32];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  *again = open(link, O_RDWR | O_CLOEXEC);
  return *again < 0 ? errno : 0;
}

void CloseRegionFile(int file) { close(file); }

void UnlinkRegion(int file, const char* path) {
  struct statx here = {};
  struct statx there = {};
  if (Status(file, "", AT_EMPTY_PATH, STATX_INO, &here) != 0) return;
  if (Status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &there) != 0) return;
  const bool same = here.stx_ino == there.stx_ino && here.stx_dev_minor == there.stx_dev_minor &&
                    here.stx_dev_major == there.stx_dev_major;
  if (same) unlink(path);
}

int InspectRegion(int file, RegionFacts* facts) {
  struct statx status = {};
  struct statfs system = {};
  constexpr unsigned kWanted = STATX_TYPE | STATX_MODE | STATX_UID | STATX_SIZE;
  if (Status(file, "", AT_EMPTY_PATH, kWanted, &status) != 0) return errno;
  if (fstatfs(file, &system) != 0) return errno;
  facts->in_memory = S_ISREG(status.stx_mode) && static_cast<long>(system.f_type) == kTmpfs;
  facts->own = status.stx_uid == geteuid();
  facts->open_to_others = (status.stx_mode & (S_IWGRP | S_IWOTH)) != 0;
  facts->bytes = static_cast<std::size_t>(status.stx_size);
  return 0;
}

int MapRegion(int file, std::size_t bytes, Ref<RegionMapping>* mapping) {
  void* const start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (start == MAP_FAILED) {
    const int error = errno;
    close(file);
    return error;
  }
  *mapping = Ref<RegionMapping>(new RegionMapping(start, bytes, file));
  return 0;
}

int MapHugePages(std::size_t bytes, void** start) {
  *start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
                -1, 0);
  if (*start == MAP_FAILED) return errno;
  // After a fork, the first write would need a second huge page for the copy, or end in a signal.
  if (madvise(*start, bytes, MADV_DONTFORK) == 0) return 0;
  const int error = errno;
  munmap(*start, bytes);
  return error;
}

}  // namespace moirai
